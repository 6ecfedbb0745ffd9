//! A one-way latch: open until somebody closes it, closed for ever after.
//! Whoever waits, early or late, from any number of tasks, sees the closing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Task, Poll, Waker};

use tokio::sync::Semaphore;
use tokio::task::coop::{Unconstrained, unconstrained};

/// A semaphore that never has a permit: waiting for one resolves only when it is closed. It lives
/// in place (no allocation), is level-triggered, and waiting is cancel-safe.
#[derive(Debug)]
pub(crate) struct Gate(Semaphore);

impl Gate {
    pub(crate) const fn new() -> Self {
        Self(Semaphore::const_new(0))
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) async fn closed(&self) {
        if !self.is_closed() {
            // The only outcome there is: "closed" is an error to a semaphore.
            let _ = self.0.acquire().await;
        }
    }

    /// The closing as a [`Watch`] waits for it.
    pub(crate) fn closing(&self) -> Unconstrained<impl Future<Output = ()>> {
        unconstrained(self.closed())
    }
}

/// A gate that a loop asks at every turn: once its task is known to the gate, that costs one load.
pub(crate) struct Watch<'a, F> {
    gate: &'a Gate,
    /// Unconstrained, because a wait that tokio puts off is not known to the gate.
    closing: Pin<&'a mut Unconstrained<F>>,
    known: Option<Waker>,
}

impl<'a, F: Future<Output = ()>> Watch<'a, F> {
    /// `closing` is of the same gate.
    pub(crate) fn new(gate: &'a Gate, closing: Pin<&'a mut Unconstrained<F>>) -> Self {
        Self {
            gate,
            closing,
            known: None,
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> Poll<()> {
        let is_known = |known: &Waker| known.will_wake(task.waker());
        if self.gate.is_closed() {
            Poll::Ready(())
        } else if self.known.as_ref().is_some_and(is_known) {
            Poll::Pending
        } else {
            self.known = Some(task.waker().clone());
            self.closing.as_mut().poll(task)
        }
    }
}
