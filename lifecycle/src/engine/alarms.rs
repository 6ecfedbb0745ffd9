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

/// How many alarms are kept unsorted.
const UNSORTED: usize = 16;

/// Alarms by instant, because services that start or stop together mostly share an instant. The alarms of
/// one instant are handled in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    by_instant: BTreeMap<Instant, Queue>,
    /// How many there are by instant.
    count: usize,
    /// The last ones, as they were set. A service that starts or stops at once leaves a stale one, which need not be
    /// sorted in.
    unsorted: Vec<(Instant, Alarm)>,
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
        if self.unsorted.len() == UNSORTED {
            self.sort();
        }
        self.unsorted.push((at, alarm));
    }

    /// Sorts all of them in.
    fn sort(&mut self) {
        for (at, alarm) in self.unsorted.drain(..) {
            self.by_instant.entry(at).or_default().push(alarm);
            self.count += 1;
        }
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
        self.unsorted.retain(|(_, alarm)| !is_stale(*alarm));
        let unsorted = self.unsorted.iter().map(|(at, _)| *at).min();
        let sorted = self.soonest_sorted(is_stale);
        unsorted.into_iter().chain(sorted).min()
    }

    fn soonest_sorted(&mut self, is_stale: impl Fn(Alarm) -> bool) -> Option<Instant> {
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
        if self.unsorted.iter().any(|(at, _)| *at <= now) {
            self.sort();
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(service: u32) -> Alarm {
        let due = Due::Cut;
        Alarm::Service {
            service,
            step: 0,
            due,
        }
    }

    #[test]
    fn alarms_come_by_instant_and_those_of_one_instant_as_they_were_set() {
        let begin = Instant::now();
        let mut random = fastrand::Rng::with_seed(5);
        for many in [1, UNSORTED, UNSORTED + 1, 5 * UNSORTED] {
            let mut alarms = Alarms::default();
            let mut all: Vec<(Instant, u32)> = (0..many as u32)
                .map(|service| (begin + Duration::from_secs(random.u64(0..5)), service))
                .collect();
            for (at, service) in &all {
                alarms.set(*at, of(*service));
            }
            all.sort();
            assert_eq!(alarms.soonest(|_| false), Some(all[0].0));
            for (at, service) in all {
                let too_soon = at - Duration::from_nanos(1);
                assert_eq!(alarms.pop_due(too_soon), None);
                assert_eq!(alarms.pop_due(at), Some(of(service)));
            }
            assert_eq!(alarms.soonest(|_| false), None);
        }
    }

    #[test]
    fn stale_alarms_are_not_the_soonest_and_are_dropped() {
        let begin = Instant::now();
        let at = |second| begin + Duration::from_secs(second);
        let mut alarms = Alarms::default();
        for service in 0..40 {
            alarms.set(at(u64::from(service)), of(service));
        }
        let before = |last: u32| move |alarm| matches!(alarm, Alarm::Service { service, .. } if service < last);
        assert_eq!(alarms.soonest(before(3)), Some(at(3)));
        assert_eq!(alarms.soonest(before(39)), Some(at(39)));
        assert_eq!(alarms.pop_due(at(38)), None);
        assert_eq!(alarms.soonest(before(40)), None);
        assert_eq!(alarms.pop_due(at(100)), None);
    }
}
