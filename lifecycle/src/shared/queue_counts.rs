//! What the rest of the program sees of a queue: kept with its instance, beside its intake.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use tokio::time::Instant;

use crate::panics::{self, log_safely};
use crate::report::status::QueueStatus;

/// What tells one service of a run from all others.
pub(crate) type Holder = usize;

/// An intake as those see it who do not know what its items are.
pub(crate) trait Books: Send + Sync {
    /// How many items are accepted and neither flushed nor written off.
    fn depth(&self) -> usize;

    /// Closes the intake and writes off what is left, unless another service than this one holds it:
    /// how many items that were.
    fn end(&self, holder: Holder) -> usize;
}

/// What makes a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) size: usize,
    pub(crate) interval: Duration,
}

/// The counts of a queue.
#[derive(Debug, Default)]
pub(crate) struct QueueCounts {
    flushed: AtomicU64,
    failures: AtomicU64,
    lost: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The intake, from the start of the service until what was left in it is written off.
    books: Option<Arc<dyn Books>>,
    /// When the flush in flight began.
    flushing: Option<Instant>,
    /// What the last flush that failed said, and whether one has succeeded since.
    flush_error: Option<Arc<str>>,
    is_failing: bool,
    /// The last limits of a batch that were right.
    limits: Option<BatchLimits>,
    /// Why those that the service gives now are not.
    problem: Option<Arc<str>>,
}

impl QueueCounts {
    pub(crate) fn status(&self) -> QueueStatus {
        let (books, flushing) = {
            let seen = self.seen();
            (seen.books.clone(), seen.flushing)
        };
        QueueStatus {
            flushed: self.flushed.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            depth: books.map_or(0, |books| books.depth() as u64),
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

    /// What the last flush that failed said.
    pub(crate) fn flush_error(&self) -> Option<Arc<str>> {
        self.seen().flush_error.clone()
    }

    /// Whose counts these are, to the intake.
    pub(crate) fn holder(&self) -> Holder {
        std::ptr::from_ref(self).addr()
    }

    /// The service starts: this is its intake.
    pub(crate) fn open(&self, books: Arc<dyn Books>) {
        let before = self.seen().books.replace(books);
        drop(before);
    }

    /// The service is gone, or was given up, or has gone with the runtime: closes its intake and
    /// counts what is left in it lost. Again it changes nothing.
    pub(crate) fn end(&self, service: &str) {
        let books = self.seen().books.take();
        if let Some(books) = books {
            self.lost(books.end(self.holder()), service);
            // It may be the last to know of the items.
            let _ = panics::catch(|| drop(books));
        }
    }

    pub(crate) fn lost(&self, items: usize, service: &str) {
        if items > 0 {
            self.lost.fetch_add(items as u64, Ordering::Relaxed);
            log_lost(items, service);
        }
    }

    pub(crate) fn flush_began(&self) {
        self.seen().flushing = Some(Instant::now());
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

    /// Shows what is wrong with the limits, or that nothing is. What was shown before.
    pub(crate) fn set_problem(&self, problem: Option<Arc<str>>) -> Option<Arc<str>> {
        mem::replace(&mut self.seen().problem, problem)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn log_lost(items: usize, service: &str) {
    // Perhaps on the way out of a panic already.
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
