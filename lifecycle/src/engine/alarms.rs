//! The instants at which the engine must act, soonest first.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

/// What the engine must do at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Something is due for this service. It is stale if the service is in another step by then.
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
    /// All of its time to stop is over.
    End,
    /// It was told to end, and its grace to obey is over.
    GiveUp,
    /// Its backoff is over: it starts again.
    BackoffOver,
    /// It has been up for so long that the restarts before are forgotten.
    RestartsForgotten,
}

/// Alarms by instant, because services that start or stop together mostly share an instant. The alarms of
/// one instant are handled in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    by_instant: BTreeMap<Instant, Queue>,
    count: usize,
}

/// The alarms of one instant. Where services don't start together it is one, which needs no allocation.
#[derive(Debug, Default)]
struct Queue {
    first: Option<Alarm>,
    /// Empty while there is no first one.
    others: VecDeque<Alarm>,
}

impl Queue {
    fn push(&mut self, alarm: Alarm) {
        if self.first.is_none() {
            self.first = Some(alarm);
        } else {
            self.others.push_back(alarm);
        }
    }

    fn pop(&mut self) -> Option<Alarm> {
        let next = self.others.pop_front();
        std::mem::replace(&mut self.first, next)
    }

    fn retain(&mut self, is_kept: impl Fn(Alarm) -> bool) {
        self.others.retain(|alarm| is_kept(*alarm));
        if self.first.is_some_and(|first| !is_kept(first)) {
            self.pop();
        }
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }
}

impl Alarms {
    pub(crate) fn set(&mut self, at: Instant, alarm: Alarm) {
        self.by_instant.entry(at).or_default().push(alarm);
        self.count += 1;
    }

    /// Drops the stale alarms when there are many more of them than services. Members that come and go leave
    /// theirs behind, and one that is not stale holds up those after it.
    pub(crate) fn tidy(&mut self, services: usize, is_stale: impl Fn(Alarm) -> bool) {
        if self.count < 4 * services + 1024 {
            return;
        }
        self.by_instant.retain(|_, alarms| {
            alarms.retain(|alarm| !is_stale(alarm));
            alarms.first.is_some()
        });
        self.count = self.by_instant.values().map(Queue::len).sum();
    }

    /// The soonest alarm that is not stale. Drops the stale ones before it.
    pub(crate) fn soonest(&mut self, is_stale: impl Fn(Alarm) -> bool) -> Option<Instant> {
        while let Some(mut first) = self.by_instant.first_entry() {
            let alarms = first.get_mut();
            while let Some(alarm) = alarms.first {
                if !is_stale(alarm) {
                    return Some(*first.key());
                }
                alarms.pop();
                self.count -= 1;
            }
            first.remove();
        }
        None
    }

    /// The next alarm that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Alarm> {
        let first = self.by_instant.first_entry();
        let mut first = first.filter(|first| *first.key() <= now)?;
        let alarm = first.get_mut().pop();
        self.count -= usize::from(alarm.is_some());
        if first.get().first.is_none() {
            first.remove();
        }
        alarm
    }
}
