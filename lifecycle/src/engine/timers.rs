//! The instants at which the engine must look again, soonest first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tokio::time::Instant;

/// What an instant means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The start timeout of a service is over.
    StartTimeout(u32),
    /// Three quarters of a service's time to stop are over.
    Cut(u32),
    /// All of it is over.
    End(u32),
    /// A service that was told to end has had its moment to obey.
    GiveUp(u32),
    /// The shutdown delay is over.
    DelayOver,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    at: Instant,
    /// Alarms of one instant ring in the order they were set.
    turn: u64,
    alarm: Alarm,
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, alarm: Alarm) {
        self.set += 1;
        self.heap.push(Reverse(Entry {
            at,
            turn: self.set,
            alarm,
        }));
    }

    /// The soonest alarm, after dropping those before it that `is_stale`.
    pub(crate) fn soonest(&mut self, is_stale: impl Fn(Alarm) -> bool) -> Option<Instant> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if !is_stale(entry.alarm) {
                return Some(entry.at);
            }
            self.heap.pop();
        }
        None
    }

    /// The next alarm that has come due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Alarm> {
        if self.heap.peek()?.0.at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.alarm)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
