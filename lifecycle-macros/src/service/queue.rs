//! `queue(..)` goes in; what the queue is made of comes out, or mistakes.

use crate::errors::{Errors, mistake};
use crate::syntax::Part;

use super::args::{ATTEMPTS, INTERVAL, QUEUE, RETRY, SIZE};
use super::item::Type;
use super::options::{Grammar, Needed, Options};
use crate::value::count::read_count;
use crate::value::option::{Quantity, Reading};
use crate::value::range::Retry;

pub(crate) const QUEUE_GRAMMAR: Grammar = Grammar {
    owner: QUEUE,
    known: &[SIZE, INTERVAL, RETRY, ATTEMPTS],
    needed: Needed::All(&[SIZE, INTERVAL]),
    words: &[],
    example: "queue(size = 100, interval = \"1s\")",
    option: "size = 100",
};

const TRIES: u32 = 5;

pub(crate) struct Batches {
    pub(crate) size: Reading,
    pub(crate) interval: Reading,
    pub(crate) retry: Option<Retry>,
    pub(crate) attempts: Option<u32>,
}

impl Batches {
    pub(crate) fn new(part: &Part, declared: Option<&Type>, errors: &mut Errors) -> Option<Self> {
        let options = Options::read(part, &QUEUE_GRAMMAR, errors)?;
        check_complete(&options, part, errors);
        let size = options.value(SIZE, errors, |part| {
            Reading::read(part, Quantity::Count, declared)
        });
        let interval = options.value(INTERVAL, errors, |part| {
            Reading::read(part, Quantity::Duration, declared)
        });
        let retry = options.value(RETRY, errors, Retry::read);
        let attempts = options.value(ATTEMPTS, errors, |part| read_count(part, TRIES));
        Some(Self {
            size: size?,
            interval: interval?,
            retry,
            attempts,
        })
    }
}

fn check_complete(options: &Options<'_>, part: &Part, errors: &mut Errors) {
    if options.unclear {
        return;
    }
    let has = [SIZE, INTERVAL].map(|name| options.find(name).is_some());
    let (missing, help) = match has {
        [true, true] => return,
        [false, true] => ("size", "queue(size = 100, ..)"),
        [true, false] => ("interval", "queue(interval = \"1s\", ..)"),
        [false, false] => ("size and no interval", QUEUE_GRAMMAR.example),
    };
    let sentence = format_args!("a queue has no {missing}");
    let error = mistake(&part.key, sentence, format_args!("write `{help}`"));
    errors.push_at(options.order, error);
}
