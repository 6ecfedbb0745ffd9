//! `scheduled(..)` goes in; the schedule comes out, or mistakes.

use lifecycle_rules::cron;
use syn::{Error, Lit, Result};

use crate::errors::{Errors, mistake};
use crate::syntax::{Form, Part, Value};
use crate::value::choice::Word;
use crate::value::count::read_count;
use crate::value::duration::literal;
use crate::value::fields::Fields;
use crate::value::option::Reading;
use crate::value::quantity::Quantity;
use crate::words::{
    CRON, DELAY, FIRST, INITIAL_DELAY, INTERVAL, JITTER, MAX_FAILURES, MISSED, ON_ERROR, SCHEDULED,
    SCHEDULED_OPTIONS, TICK_TIMEOUT, TZ,
};

use super::options::{Grammar, Needed, Options};

pub(crate) const SCHEDULED_EXAMPLE: &str = "scheduled(interval = \"30s\")";

pub(crate) const SCHEDULED_GRAMMAR: Grammar = Grammar {
    owner: SCHEDULED,
    known: SCHEDULED_OPTIONS,
    needed: Needed::OneOf(SCHEDULES),
    words: &[
        (FIRST, FIRST_WORDS),
        (MISSED, MISSED_WORDS),
        (ON_ERROR, ON_ERROR_WORDS),
    ],
    example: SCHEDULED_EXAMPLE,
    option: "interval = \"30s\"",
};

/// A service has one of these.
const SCHEDULES: &[&str] = &[INTERVAL, DELAY, CRON];

const FIRST_WORDS: &[Word] = &[
    Word::new("immediate", "Immediate"),
    Word::new(AFTER_INTERVAL, "AfterInterval"),
];
const MISSED_WORDS: &[Word] = &[
    Word::new("coalesce", "Coalesce"),
    Word::new("skip", "Skip"),
    Word::new("burst", "Burst"),
    Word::new(DELAY, "Delay"),
];
const AFTER_INTERVAL: &str = "after_interval";
const FAIL: &str = "fail";
const ON_ERROR_WORDS: &[Word] = &[Word::new("continue", "Continue"), Word::new(FAIL, "Fail")];
const FAILURES: u32 = 3;

pub(crate) struct Schedule {
    pub(crate) pace: Pace,
    pub(crate) first: Option<Word>,
    pub(crate) initial_delay: Option<Reading>,
    pub(crate) jitter: Option<Reading>,
    pub(crate) missed: Option<Word>,
    pub(crate) tick_timeout: Option<Reading>,
    pub(crate) on_error: Option<Word>,
    pub(crate) max_failures: Option<u32>,
}

pub(crate) enum Pace {
    Interval(Reading),
    Delay(Reading),
    Cron { cron: Reading, tz: Option<Reading> },
}

/// Which of them it is, whether or not there is a mistake in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interval,
    Delay,
    Cron,
}

impl Schedule {
    pub(crate) fn new(part: &Part, fields: Option<&Fields>, errors: &mut Errors) -> Option<Self> {
        let options = Options::read(part, &SCHEDULED_GRAMMAR, errors)?;
        let kind = check_kind(&options, part, errors);
        let read = |part| Reading::read(part, Quantity::Duration, fields);
        let pace = read_pace(&options, kind, fields, errors);
        let jitter = options.value(JITTER, errors, read);
        check_jitter(&options, jitter.as_ref(), pace.as_ref(), errors);
        let on_error = options.value(ON_ERROR, errors, |part| Word::read(part, ON_ERROR_WORDS));
        let first = options.value(FIRST, errors, |part| read_first(part, kind));
        let initial_delay = options.value(INITIAL_DELAY, errors, read);
        let missed = options.value(MISSED, errors, |part| read_missed(part, kind));
        let tick_timeout = options.value(TICK_TIMEOUT, errors, read);
        let max_failures = options.value(MAX_FAILURES, errors, |part| read_count(part, FAILURES));
        check_pairs(&options, on_error, errors);
        Some(Self {
            pace: pace?,
            first,
            initial_delay,
            jitter,
            missed,
            tick_timeout,
            on_error,
            max_failures,
        })
    }
}

/// There is one schedule, and it is the first that is given.
fn check_kind(options: &Options<'_>, part: &Part, errors: &mut Errors) -> Kind {
    let given = options.given(SCHEDULES);
    if let [first, others @ ..] = given.as_slice() {
        for (other, nth) in others.iter().zip(["second", "third"]) {
            let (key, first) = (&other.part.key, &first.part.key);
            let sentence = format_args!("a service has one schedule, and `{key}` is the {nth}");
            let help = format_args!("keep `{first}` or `{key}`");
            other.report(errors, mistake(key, sentence, help));
        }
    } else if !options.unclear {
        let sentence = "a scheduled service has no `interval`, no `delay` and no `cron`";
        let help = if options.is_empty() {
            format!("write `{SCHEDULED_EXAMPLE}`")
        } else {
            format!("write `{SCHEDULED}({INTERVAL} = \"30s\", ..)`")
        };
        errors.push_at(options.order, mistake(&part.key, sentence, help));
    }
    match given.first() {
        Some(found) if found.part.key == CRON => Kind::Cron,
        Some(found) if found.part.key == DELAY => Kind::Delay,
        _ => Kind::Interval,
    }
}

fn read_pace(
    options: &Options<'_>,
    kind: Kind,
    fields: Option<&Fields>,
    errors: &mut Errors,
) -> Option<Pace> {
    let read = |part| match refuse_expression(part) {
        Some(error) => Err(error),
        None => Reading::read(part, Quantity::Duration, fields),
    };
    let interval = options.value(INTERVAL, errors, read);
    let delay = options.value(DELAY, errors, read);
    let cron = options.value(CRON, errors, |part| read_cron(part, fields));
    let has_cron = options.find(CRON).is_some();
    let tz = options.value(TZ, errors, |part| {
        if has_cron {
            Reading::read(part, Quantity::Zone, fields)
        } else {
            Err(refuse_zone(part))
        }
    });
    match kind {
        Kind::Interval => interval.map(Pace::Interval),
        Kind::Delay => delay.map(Pace::Delay),
        Kind::Cron => cron.map(|cron| Pace::Cron { cron, tz }),
    }
}

/// A cron expression where an interval or a delay goes.
fn refuse_expression(part: &Part) -> Option<Error> {
    let Form::Value(Value::Expr(value)) = &part.form else {
        return None;
    };
    let Lit::Str(text) = literal(value)? else {
        return None;
    };
    let written = text.value();
    cron::parse(&written).ok()?;
    let written = written.trim();
    let sentence = format_args!(
        "`{written}` is a cron expression, and `{}` a duration",
        part.key
    );
    let help = format_args!("write `{CRON} = \"{written}\"`");
    Some(mistake(text, sentence, help))
}

fn read_first(part: &Part, kind: Kind) -> Result<Word> {
    let word = Word::read(part, FIRST_WORDS)?;
    if kind == Kind::Cron && word.text == AFTER_INTERVAL {
        let sentence = "a schedule by `cron` has no interval, so `after_interval` says nothing";
        let help = "remove it: the first tick is due at the first time that is named";
        return Err(mistake(part.value(FIRST)?, sentence, help));
    }
    Ok(word)
}

fn read_missed(part: &Part, kind: Kind) -> Result<Word> {
    if kind == Kind::Delay {
        let sentence = "a schedule by `delay` misses no tick, so `missed` says nothing";
        return Err(mistake(&part.key, sentence, "remove it"));
    }
    let word = Word::read(part, MISSED_WORDS)?;
    if kind == Kind::Cron && word.text == DELAY {
        let sentence = "a schedule by `cron` has no interval that a tick could be delayed by";
        let help = "write one of `coalesce`, `skip`, `burst`";
        return Err(mistake(part.value(MISSED)?, sentence, help));
    }
    Ok(word)
}

fn read_cron(part: &Part, fields: Option<&Fields>) -> Result<Reading> {
    if cfg!(feature = "cron") {
        return Reading::read(part, Quantity::Cron, fields);
    }
    let sentence = "a schedule by `cron` needs the feature `cron` of `lifecycle`";
    let help = "write `features = [\"cron\"]` for it in `Cargo.toml`";
    Err(mistake(&part.key, sentence, help))
}

fn refuse_zone(part: &Part) -> Error {
    let sentence = "`tz` is the time zone of a `cron`, and there is none";
    mistake(&part.key, sentence, "remove it")
}

/// What the service says at run time is checked there.
fn check_jitter(
    options: &Options<'_>,
    jitter: Option<&Reading>,
    pace: Option<&Pace>,
    errors: &mut Errors,
) {
    let (Some(Pace::Interval(period) | Pace::Delay(period)), Some(jitter)) = (pace, jitter) else {
        return;
    };
    let Some(found) = options.find(JITTER) else {
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
