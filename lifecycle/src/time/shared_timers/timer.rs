//! The timer of one loop, by which the loop joins and leaves the groups of the shared timers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

#[cfg(test)]
use super::Instant;
use super::own_sleep::OwnSleep;
use super::{NEVER, SharedTimers, Time};
use crate::time::moment::Moment;

/// The timer of one loop: the loop sets it, and polls it until its time has come.
pub(crate) struct Timer<'a> {
    timers: &'a Arc<SharedTimers>,
    /// The time it is set to; zero once that is known to have come.
    until: Time,
    /// The time at which the loop's group wakes it, or a time that has come.
    joined: Time,
    /// The index of that group.
    group: usize,
    /// What it waits by while it is the only timer.
    own: Option<Box<OwnSleep>>,
}

impl<'a> Timer<'a> {
    /// A timer that is not set.
    pub(crate) fn new(timers: &'a Arc<SharedTimers>) -> Self {
        timers.loops.fetch_add(1, Ordering::Relaxed);
        Self {
            timers,
            until: NEVER,
            joined: 0,
            group: 0,
            own: None,
        }
    }

    /// Sets it to the moment `at`. `now` is one that the clock has shown.
    #[inline]
    pub(crate) fn set(&mut self, at: Moment, now: Moment) {
        self.until = if at <= now { 0 } else { at.number() };
    }

    /// The same by instants.
    #[cfg(test)]
    pub(crate) fn set_to(&mut self, at: Instant) {
        let at = self.timers.time(at);
        let now = self.timers.time(Instant::now());
        self.until = if at <= now { 0 } else { at };
    }

    /// Takes the loop's waker out of its group.
    #[cold]
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
        let reached = self.timers.reached();
        if self.until <= reached {
            return true;
        }
        let waits = self.joined > reached && self.joined <= self.until;
        !waits && self.wait(waker)
    }

    /// Begins to wait, unless the time has come meanwhile.
    fn wait(&mut self, waker: &Waker) -> bool {
        // It was set to an earlier time than before, so the later one must not wake it too.
        if !self.timers.has_reached(self.joined) {
            self.leave(waker);
        }
        let is_alone = self.timers.loops.load(Ordering::Relaxed) == 1;
        if is_alone || self.own.is_some() {
            if let Some(is_over) = self.own_is_over(is_alone, waker) {
                return is_over;
            }
        }
        self.joined = self.until;
        self.timers.join(self.until, waker, &mut self.group)
    }

    /// Waits by a timer of its own while there is no other loop, and until that timer has fired. `None` otherwise.
    #[inline(never)]
    fn own_is_over(&mut self, is_alone: bool, waker: &Waker) -> Option<bool> {
        let own = self.own.as_ref();
        let is_set = own.is_some_and(|own| own.is_set(self.timers));
        if !is_set && (!is_alone || self.until == NEVER) {
            self.own = None;
            return None;
        }
        // A time that has come is no member of a group.
        self.joined = 0;
        let own = self
            .own
            .get_or_insert_with(|| Box::new(OwnSleep::new(self.timers, self.until, waker)));
        let is_over = own.is_over(self.timers, self.until, waker);
        if is_over {
            self.until = 0;
        }
        Some(is_over)
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.timers.loops.fetch_sub(1, Ordering::Relaxed);
    }
}
