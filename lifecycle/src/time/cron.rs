//! A cron expression and a time zone go in; the instants that they name come out, one
//! after another.
//!
//! Croner does the search, on the time zones of jiff; neither is part of the public interface. What
//! happens when clocks change is written in `docs/cron.md`, and the tests hold its table.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::CronParser;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::report::error::OptionError;
use crate::report::tick::{ScheduleKind, ScheduleRule};
use lifecycle_rules::cron::{FieldItem, Fields, distinct, parse};
use lifecycle_rules::zone::{self, Zone};

/// The service's values at one moment: the expression, and the zone whose clock it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CronValues {
    pub(crate) cron: Cow<'static, str>,
    pub(crate) tz: Cow<'static, str>,
}

/// The expression and the zone as the attribute spells them, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) cron: &'static str,
    pub(crate) tz: &'static str,
}

/// The times that an expression names in a zone.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    values: CronValues,
    /// One for each time of day, where the expression lists fixed times: see [`patterns`].
    crons: Vec<Cron>,
    zone: TimeZone,
}

/// How many clock changes of a zone the search passes before it gives up: a century of them.
const MAX_CLOCK_CHANGES: usize = 200;

impl Times {
    pub(crate) fn new(values: CronValues, field: Field) -> Result<Self, OptionError> {
        let refuse = |problem| OptionError::Cron {
            field: field.cron,
            problem,
        };
        let expression = &*values.cron;
        let fields = parse(expression).map_err(|problem| {
            let (sentence, help) = (problem.sentence(expression), problem.help());
            refuse(format!("{sentence}; {help}"))
        })?;
        let parser = CronParser::builder()
            .dom_and_dow(fields.needs_both())
            .build();
        let crons = patterns(&fields).into_iter().map(|pattern| {
            // Croner takes every expression that passes our own rules.
            let parsed = parser.parse(&pattern);
            parsed.map_err(|error| refuse(format!("`{expression}`: {error}")))
        });
        let crons = crons.collect::<Result<Vec<_>, _>>()?;
        let zone = find_zone(&values.tz, field.tz)?;
        Ok(Self {
            values,
            crons,
            zone,
        })
    }

    pub(crate) fn values(&self) -> &CronValues {
        &self.values
    }

    pub(crate) fn rule(&self) -> ScheduleRule {
        let CronValues { cron, tz } = &self.values;
        ScheduleRule {
            kind: ScheduleKind::Cron,
            period: None,
            cron: Some((&**cron).into()),
            zone: Some((&**tz).into()),
        }
    }

    /// Whether the machine still has the zone that `local` was when these were made. Jiff looks at most once
    /// in five minutes.
    pub(crate) fn are_local_still(&self) -> bool {
        self.values.tz != zone::LOCAL
            || TimeZone::try_system().map_or(true, |zone| zone == self.zone)
    }

    /// The first time after this instant; `None` when the calendar ends before it.
    pub(crate) fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        let from = to_the_second(instant)?.to_zoned(self.zone.clone());
        let times = self.crons.iter().filter_map(|cron| next(cron, &from));
        times.min()
    }
}

/// The limit to which missed times are counted. A clock that is set right may have been wrong by years.
const MAX_COUNTED: u64 = 1000;

impl Times {
    /// The last time up to `now`, where `time` is one of them, and how many come before it from `time` on.
    pub(crate) fn latest(&self, time: Timestamp, now: Timestamp) -> (Timestamp, u64) {
        let (mut last, mut passed) = (time, 0);
        // Times are whole seconds, so the usual case needs no search.
        while now.duration_since(last) >= SignedDuration::from_secs(1) {
            match self.after(last).filter(|next| *next <= now) {
                None => break,
                Some(_) if passed == MAX_COUNTED => return (self.last_up_to(last, now), passed),
                Some(next) => (last, passed) = (next, passed + 1),
            }
        }
        (last, passed)
    }

    /// The last time up to `now`, where `from` is one of them: halves the span until nothing is left of it.
    fn last_up_to(&self, from: Timestamp, now: Timestamp) -> Timestamp {
        let (mut last, mut beyond) = (from, now);
        loop {
            let half = beyond.as_second().saturating_sub(last.as_second()) / 2;
            let Ok(middle) = last.checked_add(SignedDuration::from_secs(half)) else {
                return last;
            };
            match self.after(middle).filter(|next| *next <= now) {
                Some(next) => last = next,
                None if half == 0 => return last,
                None => beyond = middle,
            }
        }
    }
}

/// Rounds down to the second, also before 1970: the times of an expression are whole seconds.
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

/// The patterns to ask croner for: the expression itself, or one pattern for each time of day.
///
/// When clocks go forward, croner keeps a time of the skipped hour only where second, minute and hour
/// are one number each. To a user a list of numbers is as fixed, so each of its times gets a pattern
/// of its own.
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

/// Separates the days that croner would confuse: beside a `W` it reads `L` as `LW`.
fn apart(days: &[FieldItem]) -> Vec<Vec<FieldItem>> {
    let is_workday =
        |item: &FieldItem| matches!(item, FieldItem::Workday(_) | FieldItem::LastWorkday);
    if !days.contains(&FieldItem::Last) || !days.iter().any(is_workday) {
        return vec![days.to_vec()];
    }
    let (workdays, others) = days.iter().partition(|item| is_workday(item));
    vec![workdays, others]
}

/// The items as croner's list. Croner refuses a `*` in a list; the others change nothing beside it.
fn list(items: &[FieldItem]) -> String {
    if items.contains(&FieldItem::Every { step: 1 }) {
        return "*".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

/// UTC and offsets need no zone database.
fn find_zone(written: &str, field: &'static str) -> Result<TimeZone, OptionError> {
    let no_offset = || OptionError::Offset {
        field,
        offset: written.to_owned(),
    };
    match zone::parse(written).map_err(|_| no_offset())? {
        Zone::Local => TimeZone::try_system().map_err(|error| OptionError::LocalZone {
            field,
            problem: error.to_string(),
        }),
        Zone::Offset(seconds) => Offset::from_seconds(seconds)
            .map(TimeZone::fixed)
            .map_err(|_| no_offset()),
        Zone::Named("UTC" | "Etc/UTC") => Ok(TimeZone::UTC),
        Zone::Named(name) => TimeZone::get(name).map_err(|_| OptionError::Zone {
            field,
            zone: written.to_owned(),
        }),
    }
}

/// The next time of a pattern. Where a zone skipped a whole day, croner gives up at a time of that day,
/// which never was: the search goes on behind the clock change.
fn next(cron: &Cron, from: &Zoned) -> Option<Timestamp> {
    let found = match cron.find_next_occurrence(from, false) {
        Err(CronError::TimeSearchLimitExceeded) => {
            let zone = from.time_zone();
            let mut changes = zone.following(from.timestamp()).take(MAX_CLOCK_CHANGES);
            changes.find_map(|change| {
                let behind = change.timestamp().to_zoned(zone.clone());
                cron.find_next_occurrence(&behind, true).ok()
            })
        }
        found => found.ok(),
    };
    found.map(|found| found.timestamp())
}
