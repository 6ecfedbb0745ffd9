//! The instants at which the engine must look again, soonest first.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

/// What an instant means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Something is due for this service, unless it has gone on to another step meanwhile.
    Service { service: u32, step: u32, due: Due },
    /// The shutdown delay is over.
    DelayOver,
}

/// What is due for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its start timeout is over.
    StartTimeout,
    /// Three quarters of its time to stop are over.
    Cut,
    /// All of it is over.
    End,
    /// It was told to end, and has had its moment to obey.
    GiveUp,
    /// It is to be started again.
    Again,
}

/// By instant: services that are started or stopped together mostly share theirs. Alarms of one
/// instant ring in the order they were set.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeMap<Instant, VecDeque<Alarm>>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, alarm: Alarm) {
        self.0.entry(at).or_default().push_back(alarm);
    }

    /// The soonest alarm, after dropping those before it that `is_stale`.
    pub(crate) fn soonest(&mut self, is_stale: impl Fn(Alarm) -> bool) -> Option<Instant> {
        while let Some(mut first) = self.0.first_entry() {
            let alarms = first.get_mut();
            while let Some(&alarm) = alarms.front() {
                if !is_stale(alarm) {
                    return Some(*first.key());
                }
                alarms.pop_front();
            }
            first.remove();
        }
        None
    }

    /// The next alarm that has come due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Alarm> {
        let mut first = self.0.first_entry().filter(|first| *first.key() <= now)?;
        let alarm = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        alarm
    }
}
