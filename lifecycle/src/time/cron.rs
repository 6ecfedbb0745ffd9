//! A cron expression and the name of a time zone go in; the instants that they name come out, one
//! after another.
//!
//! The engine is croner, on the time zones of jiff; neither shows outside. What happens where clocks
//! are changed is in `docs/cron.md`, and its table in the tests.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::CronParser;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::report::error::OptionError;
use lifecycle_rules::cron::{Fields, Item, distinct, parse};

/// What the service says at one moment: the expression, and the zone it is meant in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) cron: Cow<'static, str>,
    pub(crate) tz: Cow<'static, str>,
}

/// As the attribute has them, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) cron: &'static str,
    pub(crate) tz: &'static str,
}

/// The times that an expression names in a zone.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    spoken: Spoken,
    /// One for each time of day, where the times of day are spelt out.
    crons: Vec<Cron>,
    zone: TimeZone,
}

/// How many changes of the zone's clocks are looked past for the next time: a century of them.
const CHANGES: usize = 200;

impl Times {
    pub(crate) fn new(spoken: Spoken, field: Field) -> Result<Self, OptionError> {
        let refuse = |problem| OptionError::Cron {
            field: field.cron,
            problem,
        };
        let expression = &*spoken.cron;
        let fields = parse(expression).map_err(|problem| {
            let (sentence, help) = (problem.sentence(expression), problem.help());
            refuse(format!("{sentence}; {help}"))
        })?;
        let parser = CronParser::builder()
            .dom_and_dow(fields.needs_both())
            .build();
        let crons = patterns(&fields).into_iter().map(|pattern| {
            // What passes our own rules is sound to the engine.
            let parsed = parser.parse(&pattern);
            parsed.map_err(|error| refuse(format!("`{expression}`: {error}")))
        });
        let crons = crons.collect::<Result<Vec<_>, _>>()?;
        let Some(zone) = find_zone(&spoken.tz) else {
            return Err(OptionError::Zone {
                field: field.tz,
                zone: spoken.tz.into_owned(),
            });
        };
        Ok(Self {
            spoken,
            crons,
            zone,
        })
    }

    pub(crate) fn spoken(&self) -> &Spoken {
        &self.spoken
    }

    /// The first one after this instant; none when the calendar ends before it.
    pub(crate) fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        let from = to_the_second(instant)?.to_zoned(self.zone.clone());
        let times = self.crons.iter().filter_map(|cron| next(cron, &from));
        times.min()
    }
}

/// Without the part of a second, downwards before 1970 too: times are whole seconds.
fn to_the_second(instant: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(
        instant
            .as_nanosecond()
            .div_euclid(1_000_000_000)
            .try_into()
            .ok()?,
    )
    .ok()
}

/// What the engine is asked: the same, or one pattern for each time of day.
///
/// It takes a time of day for a fixed one, which is not lost when clocks go forward, where second,
/// minute and hour are one number each. A list of numbers is as fixed, so each is asked for on its
/// own.
fn patterns(fields: &Fields) -> Vec<String> {
    let [seconds, minutes, hours, days, months, weekdays] = &fields.0;
    let (months, weekdays) = (list(months), list(weekdays));
    let dates: Vec<String> = apart(days)
        .iter()
        .map(|days| format!("{} {months} {weekdays}", list(days)))
        .collect();
    let with_dates = |time: String| dates.iter().map(move |date| format!("{time} {date}"));
    if fields.times_of_day().is_none() {
        let time = [seconds, minutes, hours].map(|items| list(items)).join(" ");
        return with_dates(time).collect();
    }
    let mut patterns = Vec::new();
    for hour in &distinct(hours) {
        for minute in &distinct(minutes) {
            for second in &distinct(seconds) {
                patterns.extend(with_dates(format!("{second} {minute} {hour}")));
            }
        }
    }
    patterns
}

/// Days of which the engine can tell each: beside a `W`, it takes `L` for `LW`.
fn apart(days: &[Item]) -> Vec<Vec<Item>> {
    let is_workday = |item: &Item| matches!(item, Item::Workday(_) | Item::LastWorkday);
    if !days.contains(&Item::Last) || !days.iter().any(is_workday) {
        return vec![days.to_vec()];
    }
    let (workdays, others) = days.iter().partition(|item| is_workday(item));
    vec![workdays, others]
}

/// The engine refuses a `*` among others, beside which they mean nothing.
fn list(items: &[Item]) -> String {
    if items.contains(&Item::Every { step: 1 }) {
        return "*".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

/// UTC needs no database.
fn find_zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" | "Etc/UTC" => Some(TimeZone::UTC),
        _ => TimeZone::get(name).ok(),
    }
}

/// Where a zone has left out a whole day, the engine gives up at a time of that day. It never was:
/// the search goes on behind the change of the clocks.
fn next(cron: &Cron, from: &Zoned) -> Option<Timestamp> {
    let found = match cron.find_next_occurrence(from, false) {
        Err(CronError::TimeSearchLimitExceeded) => {
            let zone = from.time_zone();
            let mut changes = zone.following(from.timestamp()).take(CHANGES);
            changes.find_map(|change| {
                let behind = change.timestamp().to_zoned(zone.clone());
                cron.find_next_occurrence(&behind, true).ok()
            })
        }
        found => found.ok(),
    };
    found.map(|found| found.timestamp())
}
