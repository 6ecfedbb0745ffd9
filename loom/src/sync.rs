//! What the library takes from `crate::sync`, as loom has it.

use std::sync::PoisonError;
use std::task::Waker;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence};
pub(crate) use loom::sync::{Mutex, MutexGuard};

/// The crate `atomic-waker` in the words of its documentation: a wake-up is seen by who registers after it, and
/// wakes who has registered before.
#[derive(Debug, Default)]
pub(crate) struct AtomicWaker(Mutex<Option<Waker>>);

impl AtomicWaker {
    pub(crate) fn register(&self, waker: &Waker) {
        let before = self.slot().replace(waker.clone());
        drop(before);
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }

    pub(crate) fn take(&self) -> Option<Waker> {
        self.slot().take()
    }

    fn slot(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
