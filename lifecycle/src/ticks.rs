//! The ticks of one service as the rest of the program sees them: facts for probes, and the bell by
//! which one is asked for.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::TriggerError;

/// What is known of a service's ticks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TickStatus {
    /// How many have ended, failed ones included.
    pub count: u64,
    /// How many of those failed: returned an error, or ran into the tick timeout.
    pub failures: u64,
    /// How many have failed since the last success.
    pub consecutive_failures: u64,
    /// When the last one began; the one in flight, if there is one.
    pub last_start: Option<Instant>,
    /// When the last one ended.
    pub last_end: Option<Instant>,
    /// How long the last one that has ended took.
    pub last_duration: Option<Duration>,
    /// What the last failure said. A success does not clear it.
    pub last_error: Option<Arc<str>>,
    /// When the next one is due; none while one is in flight, and when none will ever be.
    pub next_due: Option<Instant>,
    in_flight: bool,
}

impl TickStatus {
    /// How long ago the last tick has ended, so that a loop that is stuck shows. None before the
    /// first.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.last_end
            .map(|end| Instant::now().saturating_duration_since(end))
    }

    /// Whether a tick is in flight.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.in_flight
    }
}

/// What a tick came to: what its error said, if it failed.
pub(crate) type TickResult = Result<(), Arc<str>>;

/// Those who have asked for the tick that now begins.
pub(crate) struct Askers(Vec<oneshot::Sender<TickResult>>);

impl Askers {
    pub(crate) fn answer(self, result: &TickResult) {
        for asker in self.0 {
            // One that no longer listens has lost interest.
            let _ = asker.send(result.clone());
        }
    }
}

/// Kept in the service's cell.
#[derive(Debug, Default)]
pub(crate) struct Ticks {
    facts: Mutex<Facts>,
    asked: Mutex<Asked>,
    /// Somebody may have asked since the loop last looked.
    bell: AtomicBool,
    looped: AtomicWaker,
}

#[derive(Debug, Default)]
struct Facts {
    /// All but the duration, which is left to those who ask.
    status: TickStatus,
    /// When the last tick that has ended began.
    began: Option<Instant>,
    /// The last tick was dropped because it was late.
    overdue: bool,
}

impl Facts {
    fn end(&mut self, at: Instant, due: Option<Instant>) {
        self.began = self.status.last_start;
        self.status.in_flight = false;
        self.status.count += 1;
        self.status.last_end = Some(at);
        self.status.next_due = due;
    }
}

#[derive(Default)]
struct Asked {
    waiting: Vec<oneshot::Sender<TickResult>>,
    /// No tick will ever run again.
    closed: bool,
}

impl Ticks {
    pub(crate) fn status(&self) -> TickStatus {
        let facts = self.facts();
        let took = |(began, end): (_, Instant)| end.saturating_duration_since(began);
        TickStatus {
            last_duration: facts.began.zip(facts.status.last_end).map(took),
            ..facts.status.clone()
        }
    }

    /// Why the service is degraded, when its last tick was dropped.
    pub(crate) fn overdue(&self) -> Option<Arc<str>> {
        let facts = self.facts();
        if facts.overdue {
            facts.status.last_error.clone()
        } else {
            None
        }
    }

    #[inline]
    pub(crate) fn planned(&self, due: Option<Instant>) {
        self.facts().status.next_due = due;
    }

    #[inline]
    pub(crate) fn begun(&self, at: Instant) {
        let status = &mut self.facts().status;
        status.last_start = Some(at);
        status.in_flight = true;
        status.next_due = None;
    }

    /// The tick in flight has ended well; when the next one is due.
    #[inline]
    pub(crate) fn succeeded(&self, at: Instant, due: Option<Instant>) {
        let mut facts = self.facts();
        facts.end(at, due);
        facts.overdue = false;
        facts.status.consecutive_failures = 0;
    }

    /// The tick in flight has failed, or was dropped because it was `overdue`. Returns how many have
    /// failed in a row.
    pub(crate) fn failed(
        &self,
        at: Instant,
        due: Option<Instant>,
        error: Arc<str>,
        overdue: bool,
    ) -> u64 {
        let mut facts = self.facts();
        facts.end(at, due);
        facts.overdue |= overdue;
        let status = &mut facts.status;
        status.failures += 1;
        status.consecutive_failures += 1;
        status.last_error = Some(error);
        status.consecutive_failures
    }

    /// Asks for a tick that begins from now on, and waits for it.
    pub(crate) async fn trigger(&self) -> Result<(), TriggerError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut asked = self.asked();
            if asked.closed {
                return Err(TriggerError::Stopped);
            }
            asked.waiting.push(answer);
        }
        self.bell.store(true, Ordering::Release);
        self.looped.wake();
        match answered.await {
            Ok(result) => result.map_err(TriggerError::Failed),
            Err(_) => Err(TriggerError::Stopped),
        }
    }

    /// Ready when somebody may have asked. For the loop alone: one task at a time may poll.
    #[inline]
    pub(crate) fn poll_bell(&self, task: &Task<'_>) -> Poll<()> {
        self.looped.register(task.waker());
        if self.bell.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Those who have asked by now: the tick that begins is theirs.
    #[inline]
    pub(crate) fn take_asked(&self) -> Option<Askers> {
        if !self.bell.swap(false, Ordering::AcqRel) {
            return None;
        }
        let waiting = std::mem::take(&mut self.asked().waiting);
        (!waiting.is_empty()).then_some(Askers(waiting))
    }

    /// There will be no more ticks: whoever waits for one is told.
    pub(crate) fn close(&self) {
        {
            let mut asked = self.asked();
            asked.closed = true;
            asked.waiting.clear();
        }
        let status = &mut self.facts().status;
        status.in_flight = false;
        status.next_due = None;
        // What wakes a task keeps its memory.
        drop(self.looped.take());
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("waiting", &self.waiting.len())
            .field("closed", &self.closed)
            .finish()
    }
}
