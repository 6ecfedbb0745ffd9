//! What the supervisor, and the service itself, tell the service's task.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{self, Poll};

use atomic_waker::AtomicWaker;

/// What the service's task has been told so far. Orders only accumulate; none is ever taken back.
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
        self.wake();
    }

    /// Lets the service's own task have a look, though nothing was ordered.
    pub(crate) fn wake(&self) {
        self.task.wake();
    }

    /// Gives orders from within the service's own task, which looks at them before it sleeps.
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

    /// Nobody listens any more. What wakes a task keeps its memory.
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
