//! A one-way latch: open until somebody closes it, closed for ever after.
//! Whoever waits, early or late, from any number of tasks, sees the closing.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

use crate::panics;

/// It lives in place: the first waiter needs no allocation, and most gates have no second one.
///
/// A waker is the waiter's own code, and may panic. tokio's lists of waiters forget up to 31 others
/// when one does; here each waker is called by itself.
///
/// # Invariants
///
/// `is_closed` is written under the lock, before the waiters are taken out. A waiter looks at it under the
/// same lock before it joins: it sees the closing, or it is among those that are taken out. Wakers are
/// called and dropped after the lock is released, since both run code of the waiter.
pub(crate) struct Latch {
    is_closed: AtomicBool,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    /// The one with the key `FIRST`.
    first: Option<Waker>,
    /// By key.
    others: BTreeMap<usize, Waker>,
}

const FIRST: usize = 0;

impl Latch {
    pub(crate) const fn new() -> Self {
        Self {
            is_closed: AtomicBool::new(false),
            waiters: Mutex::new(Waiters {
                first: None,
                others: BTreeMap::new(),
            }),
        }
    }

    pub(crate) fn close(&self) {
        let mut waiters = self.waiters();
        self.is_closed.store(true, Ordering::Release);
        let Waiters { first, others } = mem::take(&mut *waiters);
        drop(waiters);
        for waker in first.into_iter().chain(others.into_values()) {
            panics::wake(waker);
        }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Resolves when it is closed. Cancel-safe.
    pub(crate) fn closed(&self) -> Closed<'_> {
        Closed {
            gate: self,
            key: None,
        }
    }

    /// Whether it is closed, for the waiter with this key, which has none before its first look. One that
    /// goes away before the closing must [`leave`](Self::leave).
    pub(crate) fn poll_closed(
        &self,
        key: &mut Option<usize>,
        task: &task::Context<'_>,
    ) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        // Cloned before the lock is taken: that is code of the waiter.
        let waker = task.waker().clone();
        let mut waiters = self.waiters();
        if self.is_closed() {
            return Poll::Ready(());
        }
        let before = waiters.set(key, waker);
        drop(waiters);
        drop(before);
        Poll::Pending
    }

    /// The waiter with this key waits no more.
    pub(crate) fn leave(&self, key: Option<usize>) {
        if let Some(key) = key {
            let left = self.waiters().remove(key);
            drop(left);
        }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiters {
    /// Adds a waiter, or replaces the waker of the one with this key, which is then returned.
    fn set(&mut self, key: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| match self.first {
            None => FIRST,
            Some(_) => self.others.last_key_value().map_or(1, |(last, _)| last + 1),
        });
        if key == FIRST {
            self.first.replace(waker)
        } else {
            self.others.insert(key, waker)
        }
    }

    fn remove(&mut self, key: usize) -> Option<Waker> {
        if key == FIRST {
            self.first.take()
        } else {
            self.others.remove(&key)
        }
    }
}

/// Waits at a [`Gate`].
#[derive(Debug)]
pub(crate) struct Closed<'a> {
    gate: &'a Latch,
    /// Of this waiter, while it is among the others.
    key: Option<usize>,
}

impl Future for Closed<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let Self { gate, key } = &mut *self;
        gate.poll_closed(key, task)
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gate.leave(self.key);
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
