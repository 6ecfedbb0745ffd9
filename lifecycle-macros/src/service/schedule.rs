//! `scheduled(..)` goes in; the schedule comes out, or problems.
//!
//! The rules across its options:
//!
//! - There is one of `interval`, `delay` and `cron`. Of several the first counts.
//! - `tz` needs a `cron`.
//! - `jitter` is at most as long as the `interval` or the `delay`. Only literals are compared.
//! - `first` and `initial_delay` are not given together.
//! - `first = after_interval` needs an interval: there is none with `cron`.
//! - `missed` needs ticks that can be missed: there are none with `delay`.
//! - `missed = delay` needs an interval: there is none with `cron`.
//! - `catch_up` makes up for missed points: with it, `missed` is `coalesce` or `burst`, and no `first` or
//!   `initial_delay` says when the first tick is due.
//! - `max_failures` and `on_panic = continue` are not given with `on_error = fail`.

use lifecycle_rules::cron;
use syn::{Error, Lit, Result};

use crate::errors::{Errors, problem_at};
use crate::syntax::{Form, NamedArgument, Value, literal};
use crate::value::choice::Choice;
use crate::value::count::read_count;
use crate::value::fields::Fields;
use crate::value::option::OptionValue;
use crate::value::quantity::Quantity;
use crate::words::{
    CATCH_UP, CRON, DELAY, FIRST, INITIAL_DELAY, INTERVAL, JITTER, MAX_FAILURES, MISSED, ON_ERROR,
    ON_PANIC, SCHEDULED, SCHEDULED_OPTIONS, TICK_TIMEOUT, TZ,
};

use super::options::{Grammar, Needed, Options};

pub(crate) const SCHEDULED_EXAMPLE: &str = "scheduled(interval = \"30s\")";

pub(crate) const SCHEDULED_GRAMMAR: Grammar = Grammar {
    owner: SCHEDULED,
    known: SCHEDULED_OPTIONS,
    needed: Needed::OneOf(SCHEDULES),
    choices: &[
        (FIRST, FIRST_CHOICES),
        (MISSED, MISSED_CHOICES),
        (ON_ERROR, ON_ERROR_CHOICES),
        (ON_PANIC, ON_PANIC_CHOICES),
    ],
    example: SCHEDULED_EXAMPLE,
    option: "interval = \"30s\"",
};

/// The options that say when ticks are due.
const SCHEDULES: &[&str] = &[INTERVAL, DELAY, CRON];

const FIRST_CHOICES: &[Choice] = &[
    Choice::new("immediate", "Immediate"),
    Choice::new(AFTER_INTERVAL, "AfterInterval"),
];
const MISSED_CHOICES: &[Choice] = &[
    Choice::new("coalesce", "Coalesce"),
    Choice::new("skip", "Skip"),
    Choice::new("burst", "Burst"),
    Choice::new(DELAY, "Delay"),
];
const AFTER_INTERVAL: &str = "after_interval";
const FAIL: &str = "fail";
const CONTINUE: &str = "continue";
const ON_ERROR_CHOICES: &[Choice] = &[Choice::new(CONTINUE, "Continue"), Choice::new(FAIL, "Fail")];
const ON_PANIC_CHOICES: &[Choice] = ON_ERROR_CHOICES;
const FAILURES: u32 = 3;

pub(crate) struct Schedule {
    pub(crate) pace: Pace,
    pub(crate) first: Option<Choice>,
    pub(crate) initial_delay: Option<OptionValue>,
    pub(crate) jitter: Option<OptionValue>,
    pub(crate) missed: Option<Choice>,
    pub(crate) tick_timeout: Option<OptionValue>,
    pub(crate) on_error: Option<Choice>,
    pub(crate) on_panic: Option<Choice>,
    pub(crate) max_failures: Option<u32>,
    pub(crate) catch_up: Option<OptionValue>,
}

pub(crate) enum Pace {
    Interval(OptionValue),
    Delay(OptionValue),
    Cron {
        cron: OptionValue,
        tz: Option<OptionValue>,
    },
}

/// Which schedule it is, even if there is a problem in its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PaceKind {
    Interval,
    Delay,
    Cron,
}

impl Schedule {
    pub(crate) fn new(
        argument: &NamedArgument,
        fields: Option<&Fields>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let options = Options::read(argument, &SCHEDULED_GRAMMAR, errors)?;
        let kind = check_kind(&options, argument, errors);
        let read = |argument| OptionValue::read(argument, Quantity::Duration, fields);
        let pace = read_pace(&options, kind, fields, errors);
        let jitter = options.value(JITTER, errors, read);
        check_jitter(&options, jitter.as_ref(), pace.as_ref(), errors);
        let on_error = options.value(ON_ERROR, errors, |argument| {
            Choice::read(argument, ON_ERROR_CHOICES)
        });
        let on_panic = options.value(ON_PANIC, errors, |argument| {
            Choice::read(argument, ON_PANIC_CHOICES)
        });
        let first = options.value(FIRST, errors, |argument| read_first(argument, kind));
        let initial_delay = options.value(INITIAL_DELAY, errors, read);
        let missed = options.value(MISSED, errors, |argument| read_missed(argument, kind));
        let tick_timeout = options.value(TICK_TIMEOUT, errors, read);
        let max_failures = options.value(MAX_FAILURES, errors, |argument| {
            read_count(argument, FAILURES)
        });
        let catch_up = options.value(CATCH_UP, errors, read);
        check_catch_up(&options, missed, errors);
        check_pairs(&options, on_error, on_panic, errors);
        Some(Self {
            pace: pace?,
            first,
            initial_delay,
            jitter,
            missed,
            tick_timeout,
            on_error,
            on_panic,
            max_failures,
            catch_up,
        })
    }
}

/// Reports every schedule but the first, or that there is none.
fn check_kind(options: &Options<'_>, argument: &NamedArgument, errors: &mut Errors) -> PaceKind {
    let given = options.given(SCHEDULES);
    if let [first, others @ ..] = given.as_slice() {
        for (other, nth) in others.iter().zip(["second", "third"]) {
            let (key, first) = (&other.argument.key, &first.argument.key);
            let sentence = format_args!("a service has one schedule, and `{key}` is the {nth}");
            let help = format_args!("keep `{first}` or `{key}`");
            other.report(errors, problem_at(key, sentence, help));
        }
    } else if !options.unclear {
        let sentence = "a scheduled service has no `interval`, no `delay` and no `cron`";
        let help = if options.is_empty() {
            format!("write `{SCHEDULED_EXAMPLE}`")
        } else {
            format!("write `{SCHEDULED}({INTERVAL} = \"30s\", ..)`")
        };
        errors.push_at(options.order, problem_at(&argument.key, sentence, help));
    }
    match given.first() {
        Some(found) if found.argument.key == CRON => PaceKind::Cron,
        Some(found) if found.argument.key == DELAY => PaceKind::Delay,
        _ => PaceKind::Interval,
    }
}

fn read_pace(
    options: &Options<'_>,
    kind: PaceKind,
    fields: Option<&Fields>,
    errors: &mut Errors,
) -> Option<Pace> {
    let read = |argument| match refuse_expression(argument) {
        Some(error) => Err(error),
        None => OptionValue::read(argument, Quantity::Duration, fields),
    };
    let interval = options.value(INTERVAL, errors, read);
    let delay = options.value(DELAY, errors, read);
    let cron = options.value(CRON, errors, |argument| read_cron(argument, fields));
    let has_cron = options.find(CRON).is_some();
    let tz = options.value(TZ, errors, |argument| {
        if has_cron {
            OptionValue::read(argument, Quantity::Zone, fields)
        } else {
            Err(refuse_zone(argument))
        }
    });
    match kind {
        PaceKind::Interval => interval.map(Pace::Interval),
        PaceKind::Delay => delay.map(Pace::Delay),
        PaceKind::Cron => cron.map(|cron| Pace::Cron { cron, tz }),
    }
}

/// Refuses a cron expression as the value of an interval or a delay.
fn refuse_expression(argument: &NamedArgument) -> Option<Error> {
    let Form::Value(Value::Expr(value)) = &argument.form else {
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
        argument.key
    );
    let help = format_args!("write `{CRON} = \"{written}\"`");
    Some(problem_at(text, sentence, help))
}

fn read_first(argument: &NamedArgument, kind: PaceKind) -> Result<Choice> {
    let choice = Choice::read(argument, FIRST_CHOICES)?;
    if kind == PaceKind::Cron && choice.text == AFTER_INTERVAL {
        let sentence = "a schedule by `cron` has no interval, so `after_interval` says nothing";
        let help = "remove it: the first tick is due at the first time that is named";
        return Err(problem_at(argument.value(FIRST)?, sentence, help));
    }
    Ok(choice)
}

fn read_missed(argument: &NamedArgument, kind: PaceKind) -> Result<Choice> {
    if kind == PaceKind::Delay {
        let sentence = "a schedule by `delay` misses no tick, so `missed` says nothing";
        return Err(problem_at(&argument.key, sentence, "remove it"));
    }
    let choice = Choice::read(argument, MISSED_CHOICES)?;
    if kind == PaceKind::Cron && choice.text == DELAY {
        let sentence = "a schedule by `cron` has no interval that a tick could be delayed by";
        let help = "write one of `coalesce`, `skip`, `burst`";
        return Err(problem_at(argument.value(MISSED)?, sentence, help));
    }
    Ok(choice)
}

fn read_cron(argument: &NamedArgument, fields: Option<&Fields>) -> Result<OptionValue> {
    if cfg!(feature = "cron") {
        return OptionValue::read(argument, Quantity::Cron, fields);
    }
    let sentence = "a schedule by `cron` needs the feature `cron` of `lifecycle`";
    let help = "write `features = [\"cron\"]` for it in `Cargo.toml`";
    Err(problem_at(&argument.key, sentence, help))
}

fn refuse_zone(argument: &NamedArgument) -> Error {
    let sentence = "`tz` is the time zone of a `cron`, and there is none";
    problem_at(&argument.key, sentence, "remove it")
}

/// Compares literals. What the service returns at run time is checked by the runtime.
fn check_jitter(
    options: &Options<'_>,
    jitter: Option<&OptionValue>,
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
        found.report(errors, problem_at(text, sentence, help));
    }
}

/// Reports what says nothing beside `catch_up`, or the opposite.
fn check_catch_up(options: &Options<'_>, missed: Option<Choice>, errors: &mut Errors) {
    if options.find(CATCH_UP).is_none() {
        return;
    }
    for key in [FIRST, INITIAL_DELAY] {
        if let Some(found) = options.find(key) {
            let sentence = format_args!(
                "with `{CATCH_UP}` the first tick is due when the memory says, so `{key}` says nothing"
            );
            found.report(
                errors,
                problem_at(&found.argument.key, sentence, "remove it"),
            );
        }
    }
    let missed = missed.filter(|missed| matches!(missed.text, "skip" | DELAY));
    if let Some((missed, found)) = missed.zip(options.find(MISSED)) {
        let sentence = format_args!(
            "`{MISSED} = {}` leaves out what `{CATCH_UP}` makes up for",
            missed.text
        );
        let help = format_args!("remove it, or write `{MISSED} = burst`");
        found.report(errors, problem_at(&found.argument.key, sentence, help));
    }
}

/// Reports options that exclude each other.
fn check_pairs(
    options: &Options<'_>,
    on_error: Option<Choice>,
    on_panic: Option<Choice>,
    errors: &mut Errors,
) {
    if let Some(second) = options.find_second(FIRST, INITIAL_DELAY) {
        let sentence = "`first` and `initial_delay` both say when the first tick is due";
        let help = format_args!("keep `{FIRST}` or `{INITIAL_DELAY}`");
        second.report(errors, problem_at(&second.argument.key, sentence, help));
    }
    if !is(on_error, FAIL) {
        return;
    }
    if let Some(failures) = options.find(MAX_FAILURES) {
        let sentence =
            "with `on_error = fail` one failure is the end, and `max_failures` counts none";
        let help = format_args!("keep `{ON_ERROR} = {FAIL}` or `{MAX_FAILURES}`");
        failures.report(errors, problem_at(&failures.argument.key, sentence, help));
    }
    if let Some(panics) = options.find(ON_PANIC).filter(|_| is(on_panic, CONTINUE)) {
        let sentence =
            "with `on_error = fail` one failure is the end, so no tick follows one that panicked";
        let help = format_args!("keep `{ON_ERROR} = {FAIL}` or `{ON_PANIC} = {CONTINUE}`");
        panics.report(errors, problem_at(&panics.argument.key, sentence, help));
    }
}

fn is(choice: Option<Choice>, word: &str) -> bool {
    choice.is_some_and(|choice| choice.text == word)
}
