//! What the task of a run has been told so far.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{self, Poll};

use atomic_waker::AtomicWaker;

/// A set of bits that only grows: none of them is ever taken back, and the next run has its own.
///
/// # Invariants
///
/// Any thread may give an order; only the task of the run listens. It registers its waker *before* it reads
/// the bits, and an order is written *before* the waker is taken, so an order is either read by this look or
/// wakes the task for the next one. `Release` on the write and `Acquire` on the read make what was done before
/// an order (the stop channel closed, the times to stop set) visible to the task that obeys it.
///
/// [`note`](Self::note) wakes nothing: it is for code that runs within the task, which looks once more before
/// it sleeps.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    given: AtomicU8,
    task: AtomicWaker,
}

impl Orders {
    /// The service says it is ready.
    pub(crate) const READY: u8 = 1;
    /// Stop: the stop channel is closed, call `stop`.
    pub(crate) const STOP: u8 = 1 << 1;
    /// Drop `start` and the spawned tasks if they have not returned.
    pub(crate) const DROP_RUN: u8 = 1 << 2;
    /// Drop whatever is left.
    pub(crate) const DROP_ALL: u8 = 1 << 3;

    pub(crate) fn give(&self, orders: u8) {
        self.note(orders);
        self.task.wake();
    }

    /// Gives orders from within the task, which looks at them before it sleeps.
    pub(crate) fn note(&self, orders: u8) {
        self.given.fetch_or(orders, Ordering::Release);
    }

    pub(crate) fn given(&self, order: u8) -> bool {
        self.given.load(Ordering::Acquire) & order != 0
    }

    /// Wakes `task` at the next order. To be called before they are looked at; one task at a time
    /// may.
    pub(crate) fn listen(&self, task: &task::Context<'_>) {
        self.task.register(task.waker());
    }

    /// The task has ended: a `Waker` would keep its allocation alive.
    pub(crate) fn forget(&self) {
        drop(self.task.take());
    }

    /// What was ordered by now, if it is beyond what the caller has `seen`.
    pub(crate) fn poll_beyond(&self, seen: u8) -> Poll<u8> {
        match self.given.load(Ordering::Acquire) {
            given if given == seen => Poll::Pending,
            given => Poll::Ready(given),
        }
    }
}
