//! The orders that the task of a run was given so far.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{self, Poll, Waker};

use crate::sync::{AtomicU8, Mutex, MutexGuard};

/// A set of bits that only grows. An order is never taken back; the next run has orders of its own.
///
/// # Invariants
///
/// Any thread may give an order; only the task of the run listens. No wake-up is lost: the task registers
/// its waker *before* it reads the bits, and `give` writes the bit *before* it clones the waker. So the task
/// either reads the bit in this poll, or is woken for another. The waker stays where it is until the task has ended,
/// so the task registers it once, and not at each poll. It is woken and dropped after the lock is released. `Release` on the write and `Acquire` on the
/// read make the writes before an order (the stop channel closed, the times to stop set) visible to the task
/// that obeys it.
///
/// [`note`](Self::note) wakes no task: it is for code inside the task, which reads the bits once more before
/// it returns `Pending`.
///
/// The package `loom` tries all this in every order of the threads.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    given: AtomicU8,
    task: Mutex<Option<Waker>>,
}

impl Orders {
    /// The service has called `ready`.
    pub(crate) const READY: u8 = 1;
    /// Stop: the stop channel is closed, call `stop`.
    pub(crate) const STOP: u8 = 1 << 1;
    /// Drop `start` and the spawned tasks if they have not returned.
    pub(crate) const DROP_RUN: u8 = 1 << 2;
    /// Drop the rest of the service's code.
    pub(crate) const DROP_ALL: u8 = 1 << 3;
    /// Take part in reloads: the first one of a hand-written service is asked for.
    pub(crate) const RELOAD: u8 = 1 << 4;

    pub(crate) fn give(&self, orders: u8) {
        self.note(orders);
        self.wake();
    }

    /// Wakes the task without an order: a time that it has read has changed.
    pub(crate) fn wake(&self) {
        let waker = self.task().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Gives orders from inside the task, without a wake-up.
    pub(crate) fn note(&self, orders: u8) {
        self.given.fetch_or(orders, Ordering::Release);
    }

    pub(crate) fn given(&self, order: u8) -> bool {
        self.given.load(Ordering::Acquire) & order != 0
    }

    /// Wakes `task` at each order from now on. Callers must call `poll_beyond` afterwards, and only one task at a
    /// time may listen.
    pub(crate) fn listen(&self, task: &task::Context<'_>) {
        let before = self.task().replace(task.waker().clone());
        drop(before);
    }

    /// The task has ended: a `Waker` would keep its allocation alive.
    pub(crate) fn forget(&self) {
        let waker = self.task().take();
        drop(waker);
    }

    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All orders so far, if there are others than those `seen`.
    pub(crate) fn poll_beyond(&self, seen: u8) -> Poll<u8> {
        match self.given.load(Ordering::Acquire) {
            given if given == seen => Poll::Pending,
            given => Poll::Ready(given),
        }
    }
}
