//! What others see of the ticks of a service.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::TickFacts;
use crate::report::name::Name;
use crate::report::status::TickStatus;
use crate::report::tick::{ScheduleRule, Tick, TickRun, Upcoming};
use crate::time::outlook::{Outlook, Standing};

impl TickFacts {
    pub(crate) fn status(&self) -> TickStatus {
        let inner = self.inner();
        let took = |(began, end): (_, Instant)| end.saturating_duration_since(began);
        let problems = inner.problems.as_deref();
        TickStatus {
            count: inner.count,
            failures: problems.map_or(0, |problems| problems.failures),
            consecutive_failures: problems.map_or(0, |problems| problems.failures_in_a_row),
            missed: problems.map_or(0, |problems| problems.missed),
            last_start: inner.last_start,
            last_end: inner.last_end,
            last_duration: inner.began.zip(inner.last_end).map(took),
            last_error: problems.and_then(|problems| problems.last_failure.clone()),
            next_due: inner
                .next_due
                .filter(|_| !inner.in_flight && !self.is_paused()),
            in_flight: inner.in_flight,
        }
    }

    /// Why the service is degraded: its schedule can't be followed, or its last tick has failed.
    pub(crate) fn degraded(&self) -> Option<Arc<str>> {
        let inner = self.inner();
        let memory = inner.memory.as_deref();
        if let Some(why) = memory.and_then(|memory| memory.trouble.clone()) {
            return Some(why);
        }
        let problems = inner.problems.as_deref()?;
        match &problems.refused {
            Some((_, sentence)) => Some(sentence.clone()),
            None => problems
                .last_failure
                .clone()
                .filter(|_| problems.failures_in_a_row > 0),
        }
    }

    /// What the tick in flight is for, of the service with this name.
    pub(crate) fn tick(&self, name: Name) -> Option<Tick> {
        let inner = self.inner();
        let (began, started) = inner.last_start.zip(inner.started)?;
        let point = inner.point;
        let memory = inner.memory.as_deref();
        inner.in_flight.then(|| Tick {
            number: inner.begun,
            cause: inner.cause(),
            due: point.map_or(began, |point| point.due),
            due_time: point.and_then(|point| point.time),
            missed: point.map_or(0, |point| point.missed),
            point: memory
                .filter(|_| point.is_some())
                .and_then(|memory| memory.point),
            remembered_as: memory.map(|memory| memory.name.clone()),
            name,
            started,
        })
    }

    /// How long the last tick took.
    pub(crate) fn took(&self) -> Duration {
        let inner = self.inner();
        let ended = inner.began.zip(inner.last_end);
        ended.map_or(Duration::ZERO, |(began, end)| {
            end.saturating_duration_since(began)
        })
    }

    /// The rule that the ticks follow; `None` until the schedule is up for the first time.
    pub(crate) fn rule(&self) -> Option<ScheduleRule> {
        let outlook = self.inner().outlook.clone();
        // Its texts are copied while no tick waits for the lock.
        outlook.as_ref().map(Outlook::rule)
    }

    /// The last ticks that have ended, the oldest first.
    pub(crate) fn runs(&self) -> Vec<TickRun> {
        let inner = self.inner();
        inner.history.runs(inner.begun - u64::from(inner.in_flight))
    }

    /// The next ticks, so many at most.
    pub(crate) fn upcoming(&self, now: Instant, wall: SystemTime, count: usize) -> Vec<Upcoming> {
        let inner = self.inner();
        let in_flight = inner.point.filter(|_| inner.in_flight);
        let standing = Standing {
            now,
            wall,
            next: inner.next_due,
            in_flight: in_flight.map(|point| point.due),
        };
        let is_over = standing.next.is_none() && standing.in_flight.is_none();
        let outlook = inner.outlook.clone();
        // A search for times takes longer than a tick may have to wait.
        drop(inner);
        match outlook {
            Some(outlook) if !is_over && !self.is_paused() => outlook.ahead(standing, count),
            _ => Vec::new(),
        }
    }
}
