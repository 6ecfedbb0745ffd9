//! A one-way latch: it is open until it is closed, and then closed for ever. Any number of tasks can wait for
//! the closing, before or after it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{self, Poll, Waker};

use crate::panics;
use crate::sync::{AtomicBool, Mutex, MutexGuard};

/// It needs no allocation for the first waiter, and most latches have no second one.
///
/// A waker is the waiter's own code and may panic. When one panics, tokio's lists of waiters forget up to
/// 31 others; here the panic of each waker is caught.
///
/// # Invariants
///
/// No wake-up is lost. `close` writes `is_closed` under the lock, and then takes the waiters out. A waiter
/// reads `is_closed` under the same lock and then adds its waker. So either the waiter sees that the latch
/// is closed, or `close` finds its waker. Wakers are cloned, woken and dropped while the lock is free,
/// because all three run code of the waiter.
///
/// `is_closed` is read without the lock as well. It is written with `Release` and read with `Acquire`, so the
/// writes before the closing are visible to a thread that sees the latch closed.
///
/// The package `loom` tries all this in every order of the threads.
pub(crate) struct Latch {
    is_closed: AtomicBool,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    /// The waiter with the key `FIRST`.
    first: Option<Waker>,
    /// The other waiters, by key, once there was one. Most latches have none.
    #[allow(
        clippy::box_collection,
        reason = "a map in each of the two latches of a run would be two words more of every service"
    )]
    others: Option<Box<BTreeMap<usize, Waker>>>,
}

const FIRST: usize = 0;

impl Latch {
    pub(crate) fn new() -> Self {
        Self {
            is_closed: AtomicBool::new(false),
            waiters: Mutex::new(Waiters {
                first: None,
                others: None,
            }),
        }
    }

    pub(crate) fn close(&self) {
        let mut waiters = self.waiters();
        self.is_closed.store(true, Ordering::Release);
        let Waiters { first, others } = mem::take(&mut *waiters);
        drop(waiters);
        for waker in first
            .into_iter()
            .chain(others.into_iter().flat_map(|others| others.into_values()))
        {
            panics::wake(waker);
        }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Resolves when the latch is closed. Cancel-safe.
    pub(crate) fn closed(&self) -> Closed<'_> {
        Closed {
            latch: self,
            key: None,
        }
    }

    /// Ready when the latch is closed. Otherwise stores the waker for the waiter with this key; the first
    /// poll of a waiter sets its key. A waiter that is dropped before the closing must
    /// [`leave`](Self::leave).
    pub(crate) fn poll_closed(
        &self,
        key: &mut Option<usize>,
        task: &task::Context<'_>,
    ) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        if self.is_waiting(*key, task.waker()) {
            return Poll::Pending;
        }
        // Cloned before the lock is taken, because it is code of the waiter.
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

    /// Whether the latch is open, and will wake the waiter with this key by this waker.
    fn is_waiting(&self, key: Option<usize>, waker: &Waker) -> bool {
        let Some(key) = key else { return false };
        let waiters = self.waiters();
        let known = waiters.get(key);
        !self.is_closed() && known.is_some_and(|known| known.will_wake(waker))
    }

    /// Removes the waiter with this key.
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
        let key = *key.get_or_insert_with(|| {
            if self.first.is_none() {
                return FIRST;
            }
            let others = self.others.as_ref();
            let last = others.and_then(|others| others.last_key_value());
            last.map_or(1, |(last, _)| last + 1)
        });
        if key == FIRST {
            self.first.replace(waker)
        } else {
            self.others.get_or_insert_default().insert(key, waker)
        }
    }

    fn get(&self, key: usize) -> Option<&Waker> {
        if key == FIRST {
            self.first.as_ref()
        } else {
            self.others.as_ref()?.get(&key)
        }
    }

    fn remove(&mut self, key: usize) -> Option<Waker> {
        if key == FIRST {
            self.first.take()
        } else {
            self.others.as_mut()?.remove(&key)
        }
    }
}

/// Waits for the closing of a [`Latch`].
#[derive(Debug)]
pub(crate) struct Closed<'a> {
    latch: &'a Latch,
    /// The key of this waiter, once it has added its waker.
    key: Option<usize>,
}

impl Closed<'_> {
    /// Whether the latch has the waker of the last poll.
    pub(crate) fn has_waker(&self) -> bool {
        self.key.is_some()
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.latch.is_closed()
    }
}

impl Future for Closed<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let Self { latch, key } = &mut *self;
        latch.poll_closed(key, task)
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.latch.leave(self.key);
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
#[cfg(not(loom))]
mod tests;
