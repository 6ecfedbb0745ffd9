//! `scheduled(..)` goes in; the schedule comes out, or mistakes.

use syn::Error;

use crate::diag::{Errors, mistake};
use crate::written::Part;

use super::args::{
    DELAY, FIRST, INITIAL_DELAY, INTERVAL, JITTER, MAX_FAILURES, MISSED, ON_ERROR, SCHEDULED,
    TICK_TIMEOUT,
};
use super::count::read_count;
use super::item::Type;
use super::options::{Grammar, Needed, Options};
use super::reading::{Quantity, Reading};
use super::word::Word;

pub(crate) const SCHEDULED_EXAMPLE: &str = "scheduled(interval = \"30s\")";

pub(crate) const SCHEDULED_GRAMMAR: Grammar = Grammar {
    owner: SCHEDULED,
    known: &[
        INTERVAL,
        DELAY,
        FIRST,
        INITIAL_DELAY,
        JITTER,
        MISSED,
        TICK_TIMEOUT,
        ON_ERROR,
        MAX_FAILURES,
    ],
    needed: Needed::OneOf(&[INTERVAL, DELAY]),
    example: SCHEDULED_EXAMPLE,
    option: "interval = \"30s\"",
};

const FIRST_WORDS: &[Word] = &[
    Word::new("immediate", "Immediate"),
    Word::new("after_interval", "AfterInterval"),
];
const MISSED_WORDS: &[Word] = &[
    Word::new("coalesce", "Coalesce"),
    Word::new("skip", "Skip"),
    Word::new("burst", "Burst"),
    Word::new("delay", "Delay"),
];
const FAIL: &str = "fail";
const ON_ERROR_WORDS: &[Word] = &[Word::new("continue", "Continue"), Word::new(FAIL, "Fail")];
const FAILURES: u32 = 3;

pub(crate) struct Schedule {
    pub(crate) kind: Kind,
    /// The interval or the delay.
    pub(crate) period: Reading,
    pub(crate) first: Option<Word>,
    pub(crate) initial_delay: Option<Reading>,
    pub(crate) jitter: Option<Reading>,
    pub(crate) missed: Option<Word>,
    pub(crate) tick_timeout: Option<Reading>,
    pub(crate) on_error: Option<Word>,
    pub(crate) max_failures: Option<u32>,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Interval,
    Delay,
}

impl Schedule {
    pub(crate) fn new(part: &Part, declared: Option<&Type>, errors: &mut Errors) -> Option<Self> {
        let options = Options::read(part, &SCHEDULED_GRAMMAR, errors)?;
        check_period(&options, part, errors);
        let read = |part| Reading::read(part, Quantity::Duration, declared);
        let interval = options.value(INTERVAL, errors, read);
        let delay = options.value(DELAY, errors, read);
        let kind = match (options.find(INTERVAL), options.find(DELAY)) {
            (None, Some(_)) => Kind::Delay,
            _ => Kind::Interval,
        };
        let period = interval.or(delay);
        let jitter = options.value(JITTER, errors, read);
        check_jitter(&options, jitter.as_ref(), period.as_ref(), errors);
        let on_error = options.value(ON_ERROR, errors, |part| Word::read(part, ON_ERROR_WORDS));
        let schedule = Self {
            kind,
            period: period?,
            first: options.value(FIRST, errors, |part| Word::read(part, FIRST_WORDS)),
            initial_delay: options.value(INITIAL_DELAY, errors, read),
            jitter,
            missed: options.value(MISSED, errors, |part| match kind {
                Kind::Interval => Word::read(part, MISSED_WORDS),
                Kind::Delay => Err(refuse_missed(part)),
            }),
            tick_timeout: options.value(TICK_TIMEOUT, errors, read),
            on_error,
            max_failures: options.value(MAX_FAILURES, errors, |part| read_count(part, FAILURES)),
        };
        check_pairs(&options, on_error, errors);
        Some(schedule)
    }
}

fn check_period(options: &Options<'_>, part: &Part, errors: &mut Errors) {
    if let Some(second) = options.find_second(INTERVAL, DELAY) {
        let key = &second.part.key;
        let sentence = format_args!("a service has one schedule, and `{key}` is the second");
        let help = format_args!("keep `{INTERVAL}` or `{DELAY}`");
        second.report(errors, mistake(key, sentence, help));
    }
    let has_period = options.find(INTERVAL).is_some() || options.find(DELAY).is_some();
    if !has_period && !options.unclear {
        let sentence = "a scheduled service has neither an interval nor a delay";
        let help = if options.is_empty() {
            format!("write `{SCHEDULED_EXAMPLE}`")
        } else {
            format!("write `{SCHEDULED}({INTERVAL} = \"30s\", ..)`")
        };
        errors.push_at(options.order, mistake(&part.key, sentence, help));
    }
}

/// What the service says at run time is checked there.
fn check_jitter(
    options: &Options<'_>,
    jitter: Option<&Reading>,
    period: Option<&Reading>,
    errors: &mut Errors,
) {
    let (Some(jitter), Some(period), Some(found)) = (jitter, period, options.find(JITTER)) else {
        return;
    };
    let (Some((text, length)), Some((whole, limit))) = (jitter.literal(), period.literal()) else {
        return;
    };
    if length > limit {
        let (written, whole, of) = (text.value(), whole.value(), &period.key);
        let sentence = format_args!("the jitter `{written}` is longer than the {of} `{whole}`");
        let help = format_args!("write at most `{JITTER} = \"{whole}\"`");
        found.report(errors, mistake(text, sentence, help));
    }
}

/// Options that are sound, but not together.
fn check_pairs(options: &Options<'_>, on_error: Option<Word>, errors: &mut Errors) {
    if let Some(second) = options.find_second(FIRST, INITIAL_DELAY) {
        let sentence = "`first` and `initial_delay` both say when the first tick is due";
        let help = format_args!("keep `{FIRST}` or `{INITIAL_DELAY}`");
        second.report(errors, mistake(&second.part.key, sentence, help));
    }
    if let (Some(failures), Some(FAIL)) = (
        options.find(MAX_FAILURES),
        on_error.map(|on_error| on_error.text),
    ) {
        let sentence =
            "with `on_error = fail` one failure is the end, and `max_failures` counts none";
        let help = format_args!("keep `{ON_ERROR} = {FAIL}` or `{MAX_FAILURES}`");
        failures.report(errors, mistake(&failures.part.key, sentence, help));
    }
}

fn refuse_missed(part: &Part) -> Error {
    let sentence = "a schedule by `delay` misses no tick, so `missed` says nothing";
    mistake(&part.key, sentence, "remove it")
}
