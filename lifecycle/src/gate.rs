//! A one-way latch: open until somebody closes it, closed for ever after.
//! Whoever waits, early or late, from any number of tasks, sees the closing.

use tokio::sync::Semaphore;

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
}
