//! The timer of a loop that has no other one beside it: there is nothing to share.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Wake, Waker};

use tokio::task::coop::unconstrained;

use super::{NEVER, SharedTimers, Sleep, Time, sleep_until};
use crate::panics;
use crate::sync::fence;

/// One of tokio's timers, of one loop.
pub(super) struct OwnSleep {
    sleep: Pin<Box<Sleep>>,
    /// The time it is set to; `NEVER` once it has fired.
    set_to: Time,
    /// The waker of the loop, and the one that tokio is given in its place.
    waker: Waker,
    contained: Waker,
}

impl OwnSleep {
    pub(super) fn new(timers: &SharedTimers, until: Time, waker: &Waker) -> Self {
        Self {
            sleep: Box::pin(sleep_until(timers.instant(until))),
            set_to: until,
            waker: waker.clone(),
            contained: contained(waker),
        }
    }

    /// Whether it may still fire.
    pub(super) fn is_set(&self, timers: &SharedTimers) -> bool {
        self.set_to != NEVER && !timers.has_reached(self.set_to)
    }

    /// Whether the time has come. If not, the waker is woken when the loop must check again: as in a group, once too
    /// early if it was set to a sooner time before.
    pub(super) fn is_over(&mut self, timers: &SharedTimers, until: Time, waker: &Waker) -> bool {
        if !self.waker.will_wake(waker) {
            self.waker.clone_from(waker);
            self.contained = contained(waker);
        }
        if until < self.set_to {
            self.reset(timers, until);
        }
        while self.has_fired() {
            if until <= self.set_to {
                self.set_to = NEVER;
                return true;
            }
            self.reset(timers, until);
        }
        false
    }

    fn reset(&mut self, timers: &SharedTimers, until: Time) {
        self.sleep.as_mut().reset(timers.instant(until));
        self.set_to = until;
    }

    fn has_fired(&mut self) -> bool {
        if self.sleep.is_elapsed() {
            // That alone orders nothing. After this the clock shows the time that the timer was set to.
            fence(Ordering::Acquire);
            return true;
        }
        let mut task = task::Context::from_waker(&self.contained);
        // Unconstrained, because a poll that tokio's task budget puts off would not register the waker.
        pin!(unconstrained(self.sleep.as_mut()))
            .poll(&mut task)
            .is_ready()
    }
}

/// A waker whose panic does not reach tokio: the task need not be one of tokio's.
fn contained(waker: &Waker) -> Waker {
    Arc::new(Contained(waker.clone())).into()
}

struct Contained(Waker);

impl Wake for Contained {
    fn wake(self: Arc<Self>) {
        panics::wake(self.0.clone());
    }
}
