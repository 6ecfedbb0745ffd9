//! `queue(..)` goes in; the options of the queue come out, or problems.
//!
//! The rule across its options: `size` and `interval` are both given.

use crate::errors::{Errors, problem_at};
use crate::syntax::NamedArgument;
use crate::value::choice::Choice;
use crate::value::count::read_count;
use crate::value::fields::Fields;
use crate::value::option::OptionValue;
use crate::value::quantity::Quantity;
use crate::value::range::WaitRange;
use crate::words::{
    ATTEMPTS, ATTEMPTS_USED_UP, FLUSH_TIMEOUT, INTERVAL, OVERFLOW, QUEUE, QUEUE_OPTIONS, RETRY,
    SIZE,
};

use super::options::{Grammar, Needed, Options};

pub(crate) const QUEUE_GRAMMAR: Grammar = Grammar {
    owner: QUEUE,
    known: QUEUE_OPTIONS,
    needed: Needed::All(&[SIZE, INTERVAL]),
    choices: &[
        (ATTEMPTS_USED_UP, USED_UP_CHOICES),
        (OVERFLOW, OVERFLOW_CHOICES),
    ],
    example: "queue(size = 100, interval = \"1s\")",
    option: "size = 100",
};

const USED_UP_CHOICES: &[Choice] = &[Choice::new("fail", "Fail"), Choice::new("drop", "Drop")];
const OVERFLOW_CHOICES: &[Choice] = &[
    Choice::new("wait", "Wait"),
    Choice::new("drop_oldest", "DropOldest"),
];
const TRIES: u32 = 5;

pub(crate) struct Batches {
    pub(crate) size: OptionValue,
    pub(crate) interval: OptionValue,
    pub(crate) retry: Option<WaitRange>,
    pub(crate) attempts: Option<u32>,
    pub(crate) attempts_used_up: Option<Choice>,
    pub(crate) flush_timeout: Option<OptionValue>,
    pub(crate) overflow: Option<Choice>,
}

impl Batches {
    pub(crate) fn new(
        argument: &NamedArgument,
        fields: Option<&Fields>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let options = Options::read(argument, &QUEUE_GRAMMAR, errors)?;
        check_complete(&options, argument, errors);
        let size = options.value(SIZE, errors, |argument| {
            OptionValue::read(argument, Quantity::Count, fields)
        });
        let interval = options.value(INTERVAL, errors, |argument| {
            OptionValue::read(argument, Quantity::Duration, fields)
        });
        let retry = options.value(RETRY, errors, WaitRange::read);
        let attempts = options.value(ATTEMPTS, errors, |argument| read_count(argument, TRIES));
        let attempts_used_up = options.value(ATTEMPTS_USED_UP, errors, |argument| {
            Choice::read(argument, USED_UP_CHOICES)
        });
        let flush_timeout = options.value(FLUSH_TIMEOUT, errors, |argument| {
            OptionValue::read(argument, Quantity::Duration, fields)
        });
        let overflow = options.value(OVERFLOW, errors, |argument| {
            Choice::read(argument, OVERFLOW_CHOICES)
        });
        Some(Self {
            size: size?,
            interval: interval?,
            retry,
            attempts,
            attempts_used_up,
            flush_timeout,
            overflow,
        })
    }
}

fn check_complete(options: &Options<'_>, argument: &NamedArgument, errors: &mut Errors) {
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
    let error = problem_at(&argument.key, sentence, format_args!("write `{help}`"));
    errors.push_at(options.order, error);
}
