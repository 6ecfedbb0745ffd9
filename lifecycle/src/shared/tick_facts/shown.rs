//! What others see of the ticks of a service.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::TickFacts;
use super::record::Record;
use crate::report::name::Name;
use crate::report::status::TickStatus;
use crate::report::tick::{ScheduleRule, Tick, TickRun, Upcoming};
use crate::time::outlook::{Outlook, Standing};

impl TickFacts {
    pub(crate) fn status(&self) -> TickStatus {
        let inner = self.inner();
        let record = &inner.record;
        let problems = inner.problems.as_deref();
        TickStatus {
            count: record.count,
            failures: problems.map_or(0, |problems| problems.failures),
            consecutive_failures: problems.map_or(0, |problems| problems.failures_in_a_row),
            missed: problems.map_or(0, |problems| problems.missed),
            last_start: record.instant(record.start),
            last_end: record.instant(record.end),
            last_duration: (record.count > 0).then(|| record.took()),
            last_error: problems.and_then(|problems| problems.last_failure.clone()),
            next_due: record
                .instant(record.next_due)
                .filter(|_| !record.in_flight && !self.is_paused()),
            in_flight: record.in_flight,
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
        let Record { point, start, .. } = inner.record;
        let memory = inner.memory.as_deref();
        let due = inner
            .record
            .instant(point.map_or(start, |point| point.due))?;
        inner.record.in_flight.then(|| Tick {
            number: inner.record.begun,
            cause: inner.record.cause(),
            due,
            due_time: point.and_then(|point| point.time),
            missed: point.map_or(0, |point| point.missed),
            point: memory
                .filter(|_| point.is_some())
                .and_then(|memory| memory.point),
            remembered_as: memory.map(|memory| memory.name.clone()),
            name,
            started: inner.record.history.wall_at(start),
        })
    }

    /// How long the last tick took.
    pub(crate) fn took(&self) -> Duration {
        self.inner().record.took()
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
        let Record {
            begun, in_flight, ..
        } = inner.record;
        inner.record.history.runs(begun - u64::from(in_flight))
    }

    /// The next ticks, so many at most.
    pub(crate) fn upcoming(&self, now: Instant, wall: SystemTime, count: usize) -> Vec<Upcoming> {
        let inner = self.inner();
        let record = &inner.record;
        let in_flight = record.point.filter(|_| record.in_flight);
        let standing = Standing {
            now,
            wall,
            next: record.instant(record.next_due),
            in_flight: in_flight.and_then(|point| record.instant(point.due)),
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
