//! Ticks: what one can know of itself, those that have ended, and those to come.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::name::Name;
use super::point::Point;
use super::status::worded;
use super::timestamp::{Precision, Timestamp};

worded! {
    /// Why a tick began.
    TickCause {
        /// It was due.
        Schedule = "schedule",
        /// It was asked for: see [`Handle::trigger`](crate::Handle::trigger).
        Trigger = "trigger",
    }
}

worded! {
    /// What the time between two ticks is counted from.
    ScheduleKind {
        /// From start to start, on a fixed grid: `interval = ..`
        Interval = "interval",
        /// From the end of one tick to the start of the next: `delay = ..`
        Delay = "delay",
        /// From nothing, because the wall clock decides: `cron = ..`
        Cron = "cron",
    }
}

/// What a tick is for: see [`Context::tick`](crate::Context::tick).
///
/// ```
/// use lifecycle::{Context, Result, Scheduled, service};
///
/// #[service(scheduled(interval = "1h"))]
/// struct Report;
///
/// impl Scheduled for Report {
///     async fn tick(&self, cx: &Context) -> Result {
///         if let Some(tick) = cx.tick() {
///             println!("report {} for {} points", tick.key(), tick.missed + 1);
///         }
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tick {
    /// Which tick of the service it is, from 1 on, over all its runs.
    pub number: u64,
    /// Why it began.
    pub cause: TickCause,
    /// When it was due. It begins later than that when a tick has overrun its point, or the machine was asleep.
    /// One that was triggered was due when it began.
    pub due: Instant,
    /// The time of the wall clock that it is for, if its expression names one: not for a tick that was triggered,
    /// for a schedule with neither `cron` nor `catch_up`, and for a first tick that `first` or `initial_delay` asks for.
    pub due_time: Option<SystemTime>,
    /// How many points before `due` have no tick of their own, so that this one stands for them as well. Zero, unless
    /// they were missed, and `missed = coalesce`. Those of an expression are counted up to 1,000; with a `jitter` they
    /// are as many as there are whole intervals.
    pub missed: u64,
    /// The point that the memory of the schedule has begun for it, with the number of the attempt. `None` for a schedule
    /// without `catch_up`, and for a tick that was triggered.
    pub point: Option<Point>,
    /// The name that the memory knows the schedule by: its namespace, a `/` and the service. `None` for a schedule
    /// without `catch_up`.
    pub remembered_as: Option<Arc<str>>,
    pub(crate) name: Name,
    pub(crate) started: SystemTime,
}

impl Tick {
    /// A text that names this tick and no other: for a table of what has been done, or as the idempotency key of a
    /// request.
    ///
    /// Of a tick for a time that a `cron` names it is the service with that time by UTC, `report/2026-11-25T03:00Z`
    /// (with seconds, where they are not zero): the same in each process, and again if the tick is made up for. With
    /// `catch_up` so is that of every tick that was due, and the service is named as the memory knows it, with the
    /// namespace: `identity/report/2026-11-25T03:00Z`.
    ///
    /// No other tick has a time that others could know. Its key is when it began and its number,
    /// `collector/2026-11-25T14:07:31.250Z#12`: the same whenever it is asked for, and that of no other tick.
    #[must_use]
    pub fn key(&self) -> String {
        let name: &dyn fmt::Display = match &self.remembered_as {
            Some(name) => name,
            None => &self.name,
        };
        if let Some(time) = self.due_time {
            return format!("{name}/{}", Timestamp(time, Precision::Minute));
        }
        let started = Timestamp(self.started, Precision::Millisecond);
        format!("{name}/{started}#{}", self.number)
    }
}

/// A tick that has ended: see [`Handle::runs`](crate::Handle::runs).
///
/// ```
/// use lifecycle::{Handle, ScheduleError};
///
/// /// The longest of the last ticks that succeeded.
/// fn longest(handle: &Handle, service: &str) -> Result<Option<std::time::Duration>, ScheduleError> {
///     let runs = handle.runs(service)?;
///     let succeeded = runs.iter().filter(|run| run.outcome.error().is_none());
///     Ok(succeeded.map(|run| run.took).max())
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TickRun {
    /// Which tick of the service it was, from 1 on, over all its runs.
    pub number: u64,
    /// Why it began.
    pub cause: TickCause,
    /// What the wall clock showed when it began.
    ///
    /// A schedule reads that clock once a second and counts on from there: for up to a second after the clock was set,
    /// or after the machine slept, ticks that are less than a second apart still show the time as it was before.
    pub started: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: TickOutcome,
}

/// How a tick has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TickOutcome {
    /// It returned `Ok`.
    Succeeded,
    /// It failed, with this text: it returned an error, ran into its `tick_timeout`, or panicked.
    Failed(Arc<str>),
    /// It was dropped, because it had not ended in time when the service stopped.
    Dropped,
}

impl TickOutcome {
    /// The word it is shown by: `succeeded`, `failed` or `dropped`. Later versions may add words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The text of the error, if it failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// A tick to come: see [`Handle::upcoming`](crate::Handle::upcoming).
///
/// ```
/// use lifecycle::{Handle, ScheduleError};
///
/// fn print_the_next_three(handle: &Handle) -> Result<(), ScheduleError> {
///     for tick in handle.upcoming("report", 3)? {
///         println!("in {:?}", tick.at - tokio::time::Instant::now());
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upcoming {
    /// When it is due.
    pub at: Instant,
    /// What the wall clock will show then, if it is not set until then.
    pub time: SystemTime,
}

/// The rule by which a schedule ticks: see [`Handle::schedule`](crate::Handle::schedule).
///
/// It has the values that the schedule follows now, not those that its service gives: one that can't be followed is
/// in neither. Its `Display` is a few words: `every 5m`, `5m after each tick`, `0 3 * * * in Europe/Zurich`, and `never` for
/// `Duration::MAX`.
///
/// ```
/// # use std::time::Duration;
/// # use lifecycle::{Context, Result, Scheduled, registry, service};
/// # #[service(scheduled(interval = "every"))] struct Collector { every: Duration }
/// # impl Scheduled for Collector { async fn tick(&self, _: &Context) -> Result { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let registry = registry! { "collector" => Collector { every: Duration::from_secs(90) } };
/// let running = registry.start();
/// running.await_healthy().await.unwrap();
/// let rule = running.handle().schedule("collector").unwrap().unwrap();
/// assert_eq!(rule.to_string(), "every 1m30s");
/// # running.stop().await.into_result().unwrap();
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScheduleRule {
    /// What the time between two ticks is counted from.
    pub kind: ScheduleKind,
    /// The interval or the delay; `None` with `cron`.
    pub period: Option<Duration>,
    /// The cron expression; `None` without.
    pub cron: Option<Arc<str>>,
    /// The time zone in which the expression is read: the name of one, `UTC`, or `local` for that of the machine.
    pub zone: Option<Arc<str>>,
}

impl fmt::Display for ScheduleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = Period(self.period.unwrap_or_default());
        match (self.kind, &self.cron, &self.zone) {
            _ if self.period == Some(Duration::MAX) => f.write_str("never"),
            (ScheduleKind::Cron, Some(cron), Some(zone)) => write!(f, "{cron} in {zone}"),
            (ScheduleKind::Cron, ..) => f.write_str("cron"),
            (ScheduleKind::Interval, ..) => write!(f, "every {period}"),
            (ScheduleKind::Delay, ..) => write!(f, "{period} after each tick"),
        }
    }
}

/// A duration in the units in which an attribute writes it: `1h30m`, `250ms`.
struct Period(Duration);

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u128); 7] = [
            ("d", 86_400_000_000_000),
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ];
        let mut rest = self.0.as_nanos();
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_as_an_attribute_writes_it() {
        let rule = |kind, nanos| ScheduleRule {
            kind,
            period: Some(Duration::from_nanos(nanos)),
            cron: None,
            zone: None,
        };
        for (nanos, text) in [
            (250_000_000, "250ms"),
            (90_000_000_000, "1m30s"),
            (90_061_000_000_000, "1d1h1m1s"),
            (1_000_001, "1ms1ns"),
        ] {
            let (interval, delay) = (
                rule(ScheduleKind::Interval, nanos),
                rule(ScheduleKind::Delay, nanos),
            );
            assert_eq!(interval.to_string(), format!("every {text}"));
            assert_eq!(delay.to_string(), format!("{text} after each tick"));
        }
        let cron = ScheduleRule {
            kind: ScheduleKind::Cron,
            period: None,
            cron: Some("0 3 * * *".into()),
            zone: Some("UTC".into()),
        };
        assert_eq!(cron.to_string(), "0 3 * * * in UTC");
    }
}
