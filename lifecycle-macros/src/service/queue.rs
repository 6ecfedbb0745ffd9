//! `queue(..)` goes in; what the queue is made of comes out, or mistakes.

use crate::errors::{Errors, mistake};
use crate::syntax::Part;
use crate::value::count::read_count;
use crate::value::fields::Fields;
use crate::value::option::Reading;
use crate::value::quantity::Quantity;
use crate::value::range::Retry;
use crate::words::{ATTEMPTS, INTERVAL, QUEUE, QUEUE_OPTIONS, RETRY, SIZE};

use super::options::{Grammar, Needed, Options};

pub(crate) const QUEUE_GRAMMAR: Grammar = Grammar {
    owner: QUEUE,
    known: QUEUE_OPTIONS,
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
    pub(crate) fn new(part: &Part, fields: Option<&Fields>, errors: &mut Errors) -> Option<Self> {
        let options = Options::read(part, &QUEUE_GRAMMAR, errors)?;
        check_complete(&options, part, errors);
        let size = options.value(SIZE, errors, |part| {
            Reading::read(part, Quantity::Count, fields)
        });
        let interval = options.value(INTERVAL, errors, |part| {
            Reading::read(part, Quantity::Duration, fields)
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
