//! Where a queue service takes items in: bounded, filled by any number of producers, emptied by the
//! service alone.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, mpsc};
use tokio::time::sleep;

use crate::contain;

/// The intake of a [queue service](crate::Queue): a field of its struct. Clones share it: hand one to
/// each producer.
///
/// What was accepted is flushed, or reported lost. Items may be sent before the service runs; they
/// wait. Once the service drains, sending fails and gives the item back, for good: a new run needs a
/// new intake.
///
/// ```
/// use lifecycle::Intake;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let intake = Intake::bounded(100);
/// intake.send("logged in").await?;
/// intake.try_send("logged out")?;
/// assert_eq!(intake.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Intake<T> {
    sender: mpsc::Sender<T>,
    gate: Arc<RwLock<()>>,
    outlet: Arc<Mutex<Outlet<T>>>,
}

/// The other end: what was sent and not flushed yet.
pub(crate) struct Outlet<T> {
    receiver: mpsc::Receiver<T>,
    /// Held by whoever puts an item in, and to close: what is in then is all that was ever accepted.
    /// A place in the channel alone does not tell, as a sender may hold one and never fill it.
    gate: Arc<RwLock<()>>,
    /// Taken from the intake, not yet flushed. It outlives a flush that is dropped.
    pub(crate) batch: Vec<T>,
}

/// An item that was not accepted: the service has stopped taking any.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is closed")]
pub struct SendError<T>(pub T);

/// An item that was not accepted at once.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// The queue is full; wait with [`Intake::send`], or try later.
    #[error("the queue is full")]
    Full(T),
    /// The service has stopped taking items.
    #[error("the queue is closed")]
    Closed(T),
}

impl<T> Intake<T> {
    /// An intake that holds up to `capacity` items that wait for a batch; at least one.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.clamp(1, Semaphore::MAX_PERMITS));
        let gate = Arc::new(RwLock::new(()));
        let outlet = Outlet {
            receiver,
            gate: gate.clone(),
            batch: Vec::new(),
        };
        Self {
            sender,
            gate,
            outlet: Arc::new(Mutex::new(outlet)),
        }
    }

    /// Sends an item, waiting while the queue is full.
    ///
    /// Cancel-safe: a future that is dropped has sent nothing, and the item goes with it.
    ///
    /// # Errors
    ///
    /// Gives the item back when the service has stopped taking any.
    pub async fn send(&self, item: T) -> Result<(), SendError<T>> {
        let Ok(place) = self.sender.reserve().await else {
            return Err(SendError(item));
        };
        let _passing = self.pass();
        if self.sender.is_closed() {
            return Err(SendError(item));
        }
        place.send(item);
        Ok(())
    }

    /// Sends an item if there is room for it now.
    ///
    /// # Errors
    ///
    /// Gives the item back when the queue is full, or the service has stopped taking any.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let _passing = self.pass();
        self.sender.try_send(item).map_err(|error| match error {
            mpsc::error::TrySendError::Full(item) => TrySendError::Full(item),
            mpsc::error::TrySendError::Closed(item) => TrySendError::Closed(item),
        })
    }

    /// How many items wait for a batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Whether no item waits for a batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the service has stopped taking items.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// While this is held, the intake does not close.
    fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_outlet(&self) -> Option<OwnedMutexGuard<Outlet<T>>> {
        self.outlet.clone().try_lock_owned().ok()
    }

    pub(crate) async fn outlet(&self) -> OwnedMutexGuard<Outlet<T>> {
        self.outlet.clone().lock_owned().await
    }
}

impl<T> Outlet<T> {
    /// Resolves when the batch is full, or `patience` after its first item. Cancel-safe: what was
    /// taken stays in the batch.
    pub(crate) async fn fill(&mut self, size: usize, patience: Duration) {
        if self.batch.is_empty() {
            self.receiver.recv_many(&mut self.batch, size).await;
        }
        let mut waited = std::pin::pin!(sleep(patience));
        while self.batch.len() < size {
            let room = size - self.batch.len();
            tokio::select! {
                biased;
                taken = self.receiver.recv_many(&mut self.batch, room) => if taken == 0 { return },
                () = &mut waited => return,
            }
        }
    }

    /// Takes no more items from anybody.
    pub(crate) fn close(&mut self) {
        let _nobody_passes = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.receiver.close();
    }

    /// Fills the batch with what is left, up to `size`; false when nothing is. For a closed intake: it
    /// does not wait for whoever holds a place and may never fill it.
    pub(crate) fn fill_with_rest(&mut self, size: usize) -> bool {
        let room = size.saturating_sub(self.batch.len());
        let rest = std::iter::from_fn(|| self.receiver.try_recv().ok());
        self.batch.extend(rest.take(room));
        !self.batch.is_empty()
    }

    /// Lets go of a batch that is flushed. The destructors of the items are user code: one that panics is
    /// the service's failure, once all of them have run.
    pub(crate) fn clear_batch(&mut self) {
        if let Err(panic) = contain::drop_each(self.batch.drain(..)) {
            resume_unwind(panic);
        }
    }

    /// How many of the items accepted are not flushed; exact once the intake is closed.
    pub(crate) fn left(&self) -> usize {
        self.batch.len() + self.receiver.len()
    }
}

/// What was never flushed, item by item: two destructors that panic would end the process.
impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.receiver.close();
        let rest = std::iter::from_fn(|| self.receiver.try_recv().ok());
        let _ = contain::drop_each(self.batch.drain(..).chain(rest));
    }
}

impl<T> Clone for Intake<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            gate: self.gate.clone(),
            outlet: self.outlet.clone(),
        }
    }
}

impl<T> fmt::Debug for Intake<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

// By hand: an item need not be `Debug` to be given back.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
        }
    }
}
