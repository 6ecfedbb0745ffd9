//! The calls of `trigger` that wait for a flush of one queue.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::panics;
use crate::report::error::TriggerError;
use crate::shared::trigger_calls::{TickResult, TriggerCalls};

/// Kept in the counts of the queue, over all its runs.
///
/// # Invariants
///
/// - No wake-up is lost. A call is added and `is_asked` is set before `asked` and the intake are notified, and
///   [`Notify`] keeps one notification that nothing awaits yet. The loop reads `is_asked` before each wait.
/// - A call is refused once `closed` is set, and `close` answers all calls before that, both under the lock. So
///   each call gets an answer.
/// - No user code runs under the lock: senders are dropped after it is released.
#[derive(Debug, Default)]
pub(crate) struct FlushCalls {
    /// Whether calls wait for a flush.
    is_asked: AtomicBool,
    /// Notified after a call was added.
    asked: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// No flush will answer a call again in this run.
    closed: bool,
    waiting: Vec<oneshot::Sender<TickResult>>,
}

impl Inner {
    /// If there is no room for one more call, takes out the dropped ones, so that they don't pile up while a
    /// flush hangs.
    fn take_dropped(&mut self) -> Vec<oneshot::Sender<TickResult>> {
        if self.waiting.len() < self.waiting.capacity() {
            return Vec::new();
        }
        let calls = mem::take(&mut self.waiting).into_iter();
        let (dropped, waiting) = calls.partition(oneshot::Sender::is_closed);
        self.waiting = waiting;
        dropped
    }
}

impl FlushCalls {
    /// Notes a call. The receiver gets its answer. Callers must wake the loop afterwards.
    pub(crate) fn ask(&self) -> Result<oneshot::Receiver<TickResult>, TriggerError> {
        let (call, answer) = oneshot::channel();
        let mut inner = self.inner();
        if inner.closed {
            return Err(TriggerError::Stopped);
        }
        let dropped = inner.take_dropped();
        inner.waiting.push(call);
        self.is_asked.store(true, Ordering::Release);
        drop(inner);
        self.asked.notify_one();
        let _ = panics::drop_each(dropped);
        Ok(answer)
    }

    /// Whether calls wait for a flush that has not begun.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }

    /// Resolves when calls wait. Cancel-safe.
    pub(crate) async fn asked(&self) {
        while !self.is_asked() {
            self.asked.notified().await;
        }
    }

    /// The calls that wait now: the flush that begins answers them.
    pub(crate) fn take(&self) -> TriggerCalls {
        let mut inner = self.inner();
        self.is_asked.store(false, Ordering::Release);
        TriggerCalls::new(mem::take(&mut inner.waiting))
    }

    /// A run begins: calls are accepted again.
    pub(crate) fn open(&self) {
        self.inner().closed = false;
    }

    /// No flush will follow: each call that waits for one gets an error.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        self.is_asked.store(false, Ordering::Release);
        let waiting = mem::take(&mut inner.waiting);
        drop(inner);
        let _ = panics::drop_each(waiting);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
