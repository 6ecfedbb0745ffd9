//! The timer of one loop, by which the loop joins and leaves the groups of the shared timers.

use std::sync::Arc;
use std::task::Waker;

use super::{Instant, NEVER, SharedTimers, Time};

/// The timer of one loop: the loop sets it, and polls it until its time has come.
pub(crate) struct Timer<'a> {
    timers: &'a Arc<SharedTimers>,
    /// The time it is set to.
    until: Time,
    /// The time at which the loop's group wakes it, or a time that has come.
    joined: Time,
    /// The index of that group.
    group: usize,
}

impl<'a> Timer<'a> {
    /// A timer that is not set.
    pub(crate) fn new(timers: &'a Arc<SharedTimers>) -> Self {
        Self {
            timers,
            until: NEVER,
            joined: 0,
            group: 0,
        }
    }

    /// Sets it to this instant.
    #[inline]
    pub(crate) fn set(&mut self, at: Instant) {
        self.until = self.timers.time(at);
    }

    /// Takes the loop's waker out of its group.
    pub(crate) fn leave(&mut self, waker: &Waker) {
        if !self.timers.has_reached(self.joined) {
            self.timers.leave(self.group, self.joined, waker);
        }
        self.joined = 0;
    }

    /// The loop has another waker from now on: `is_over` joins a group again.
    pub(crate) fn forget_waker(&mut self) {
        self.joined = 0;
    }

    /// Whether the time has come. If not, the waker is woken when the loop must check again. A timer that
    /// was set to a later time than before keeps its place and wakes the loop once too early.
    #[inline]
    pub(crate) fn is_over(&mut self, waker: &Waker) -> bool {
        if self.timers.has_reached(self.until) {
            return true;
        }
        if self.joined <= self.until && !self.timers.has_reached(self.joined) {
            return false;
        }
        // It was set to an earlier time than before, so the later one must not wake it too.
        if !self.timers.has_reached(self.joined) {
            self.leave(waker);
        }
        self.joined = self.until;
        self.timers.join(self.until, waker, &mut self.group)
    }
}
