//! When a service reached the steps of its first start, and when it moved last.
//!
//! # Invariants
//!
//! Only the supervisor writes; any thread reads. Each is a fact of its own that nothing else depends on, so
//! `Relaxed` is enough.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::report::status::State;

/// An instant, and how old the application is then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Instant,
    /// In nanoseconds, because each move is noted in those.
    pub(crate) age: u64,
}

/// An age of more than five hundred years is not told from that.
pub(crate) fn nanos(age: Duration) -> u64 {
    u64::try_from(age.as_nanos()).unwrap_or(u64::MAX - 1)
}

/// Each as the time since the start of the application. Those of the first start stay when the service is
/// restarted.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    pub(crate) waiting: Moment,
    pub(crate) starting: Moment,
    /// Up, or a oneshot that has succeeded.
    pub(crate) ready: Moment,
    /// Failed before it was ready.
    pub(crate) failed: Moment,
    moved: Moment,
}

impl Moments {
    /// The service moves now, at this age of the application. Returns how long it was in the state that it
    /// leaves, in nanoseconds as well.
    pub(crate) fn note(&self, from: State, to: State, age: u64) -> u64 {
        match (from, to) {
            (_, State::Waiting) => self.waiting.set_once_to(age),
            (_, State::Starting) => self.starting.set_once_to(age),
            (State::Starting, State::Running | State::Stopped) => self.ready.set_once_to(age),
            (State::Waiting | State::Starting, State::Failed) if self.ready.get().is_none() => {
                self.failed.set_once_to(age);
            }
            _ => {}
        }
        let before = self.moved.nanos().unwrap_or_default();
        self.moved.set(age);
        age.saturating_sub(before)
    }
}

/// Nanoseconds plus one; zero while it has not come.
#[derive(Debug, Default)]
pub(crate) struct Moment(AtomicU64);

impl Moment {
    pub(crate) fn get(&self) -> Option<Duration> {
        self.nanos().map(Duration::from_nanos)
    }

    fn nanos(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    fn set(&self, nanos: u64) {
        self.0.store(nanos.saturating_add(1), Ordering::Relaxed);
    }

    pub(crate) fn set_once(&self, age: Duration) {
        self.set_once_to(nanos(age));
    }

    fn set_once_to(&self, nanos: u64) {
        if self.nanos().is_none() {
            self.set(nanos);
        }
    }
}
