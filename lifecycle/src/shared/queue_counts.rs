//! The counts of a queue, as probes and the outcome see them. They are kept with the service's instance.
//!
//! # Invariants
//!
//! The service's task writes the counts; the supervisor writes `lost` when it ends a queue whose task it
//! has given up. Each count is a sum that nothing else depends on, so `Relaxed` is enough.
//!
//! [`QueueCounts::end`] sets `ends` under the lock of `seen`. So of two callers only one ends the intake, and
//! the remaining items are counted as lost once. That lock is released before the intake is ended or dropped:
//! both may run destructors of items. The intake stays in `seen` until it is closed and its number of dropped
//! items is final; that number is read under the lock, so that a status never shows fewer than one before. The
//! lock of an intake is taken under that of `seen`, never the other way round.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use tokio::time::Instant;

use crate::panics::{self, log_safely};
use crate::report::error::TriggerError;
use crate::report::status::QueueStatus;
use crate::shared::flush_calls::FlushCalls;

/// Tells one service of a run from all others.
pub(crate) type Holder = usize;

/// An intake, without the type of its items.
pub(crate) trait AnyIntake: Send + Sync {
    /// How many items are accepted and neither flushed nor written off.
    fn depth(&self) -> usize;

    /// How many items were dropped to make room for newer ones.
    fn dropped(&self) -> u64;

    /// Wakes the service that waits for an item.
    fn wake(&self);

    /// Closes the intake and writes the remaining items off, unless another service than this one
    /// empties it. Returns how many there were.
    fn end(&self, holder: Holder) -> usize;
}

/// When a batch is flushed, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) size: usize,
    pub(crate) interval: Duration,
    pub(crate) flush_timeout: Option<Duration>,
}

/// The counts of a queue.
#[derive(Debug, Default)]
pub(crate) struct QueueCounts {
    flushed: AtomicU64,
    failures: AtomicU64,
    lost: AtomicU64,
    pub(crate) calls: FlushCalls,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The intake, from the start of the service until its remaining items are written off.
    intake: Option<Arc<dyn AnyIntake>>,
    /// The intake is being ended.
    ends: bool,
    /// How many items were dropped by intakes that are no longer here.
    dropped: u64,
    /// When the drain began, while its flushes must leave time to the hook behind them.
    share: Option<Instant>,
    /// When the flush in flight began.
    flushing: Option<Instant>,
    /// The error of the last flush that failed; it is kept when a later flush succeeds.
    flush_error: Option<Arc<str>>,
    /// Whether the last flush failed.
    is_failing: bool,
    /// The last limits of a batch that were right.
    limits: Option<BatchLimits>,
    /// Why the limits that the service gives now are wrong, if they are.
    problem: Option<Arc<str>>,
}

impl QueueCounts {
    pub(crate) fn status(&self) -> QueueStatus {
        let (depth, dropped, flushing) = {
            let seen = self.seen();
            let intake = seen.intake.as_deref();
            let depth = intake.map_or(0, AnyIntake::depth);
            let dropped = seen.dropped + intake.map_or(0, AnyIntake::dropped);
            (depth, dropped, seen.flushing)
        };
        QueueStatus {
            flushed: self.flushed.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            dropped,
            depth: depth as u64,
            flush_age: flushing.map(|began| began.elapsed()),
        }
    }

    /// Why the service is degraded, as far as the queue knows.
    pub(crate) fn degraded(&self) -> Option<Arc<str>> {
        let seen = self.seen();
        let failing = seen.flush_error.as_ref().filter(|_| seen.is_failing);
        seen.problem
            .clone()
            .or_else(|| Some(format!("`flush` failed: {}", failing?).into()))
    }

    /// The error of the last flush that failed.
    pub(crate) fn flush_error(&self) -> Option<Arc<str>> {
        self.seen().flush_error.clone()
    }

    /// Asks for a flush of all that is accepted by now, and waits for it.
    pub(crate) async fn trigger(&self) -> Result<(), TriggerError> {
        let answer = self.calls.ask()?;
        let intake = self.seen().intake.clone();
        if let Some(intake) = intake {
            intake.wake();
            // This may be the last reference, and then it drops the items.
            let _ = panics::catch(|| drop(intake));
        }
        match answer.await {
            Ok(result) => result.map_err(TriggerError::FlushFailed),
            Err(_) => Err(TriggerError::Stopped),
        }
    }

    /// How the intake tells this service from others that share it.
    pub(crate) fn holder(&self) -> Holder {
        std::ptr::from_ref(self).addr()
    }

    /// Takes the intake of the service, which starts. One of a run before that is another is ended.
    pub(crate) fn open(&self, intake: &Arc<dyn AnyIntake>, service: &str) {
        let mut seen = self.seen();
        seen.ends = false;
        let before = seen.intake.replace(intake.clone());
        drop(seen);
        if let Some(before) = before {
            if !Arc::ptr_eq(&before, intake) {
                self.lost(before.end(self.holder()), service);
                self.seen().dropped += before.dropped();
            }
            // This may be the last reference, and then it drops the items.
            let _ = panics::catch(|| drop(before));
        }
    }

    /// Takes the intake of a service that will not start, if there was none before.
    pub(crate) fn open_unstarted(&self, intake: Arc<dyn AnyIntake>) {
        let mut seen = self.seen();
        if seen.intake.is_none() && !seen.ends {
            seen.intake = Some(intake);
        }
    }

    /// Closes the intake and counts its remaining items as lost: the service is down, was given up, or
    /// was dropped with the runtime. A second call changes nothing.
    pub(crate) fn end(&self, service: &str) {
        let mut seen = self.seen();
        let intake = seen.intake.clone();
        let is_first = !mem::replace(&mut seen.ends, true);
        drop(seen);
        if let Some(intake) = intake.filter(|_| is_first) {
            self.lost(intake.end(self.holder()), service);
            let mut seen = self.seen();
            seen.intake = None;
            seen.dropped += intake.dropped();
            drop(seen);
            // This may be the last reference, and then it drops the items.
            let _ = panics::catch(|| drop(intake));
        }
    }

    pub(crate) fn lost(&self, items: usize, service: &str) {
        if items > 0 {
            self.lost.fetch_add(items as u64, Ordering::Relaxed);
            log_lost(items, service);
        }
    }

    /// A drain has begun whose flushes must leave time to the hook behind them; `None`: they are over.
    pub(crate) fn set_share(&self, began: Option<Instant>) {
        self.seen().share = began;
    }

    /// When the code that runs now is dropped, if all of the service is at `end`.
    pub(crate) fn end_of_share(&self, end: Instant) -> Instant {
        match self.seen().share {
            Some(began) => began + end.saturating_duration_since(began) / 4 * 3,
            None => end,
        }
    }

    pub(crate) fn flush_began(&self) {
        self.seen().flushing = Some(Instant::now());
    }

    /// How long the flush in flight has taken so far.
    pub(crate) fn flush_age(&self) -> Option<Duration> {
        Some(self.seen().flushing?.elapsed())
    }

    pub(crate) fn flush_ended(&self) {
        self.seen().flushing = None;
    }

    pub(crate) fn flushed(&self, items: usize) {
        self.flushed.fetch_add(items as u64, Ordering::Relaxed);
        self.seen().is_failing = false;
    }

    pub(crate) fn failed(&self, error: Arc<str>) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut seen = self.seen();
        seen.flush_error = Some(error);
        seen.is_failing = true;
    }

    pub(crate) fn limits(&self) -> Option<BatchLimits> {
        self.seen().limits
    }

    pub(crate) fn set_limits(&self, limits: BatchLimits) {
        self.seen().limits = Some(limits);
    }

    pub(crate) fn has_problem(&self) -> bool {
        self.seen().problem.is_some()
    }

    /// Shows the problem with the limits, or that there is none. Returns what was shown before.
    pub(crate) fn set_problem(&self, problem: Option<Arc<str>>) -> Option<Arc<str>> {
        mem::replace(&mut self.seen().problem, problem)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn log_lost(items: usize, service: &str) {
    // `log_safely` matters here: this may run while a panic unwinds.
    log_safely!(error, service, lost = items, "items lost");
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("flushing", &self.flushing)
            .field("flush_error", &self.flush_error)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}
