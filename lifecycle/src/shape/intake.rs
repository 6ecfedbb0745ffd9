//! The intake of a queue service: a bounded queue that any number of producers fill and one service
//! empties.
//!
//! # Invariants
//!
//! Each accepted item is in exactly one of five states: it waits, the service has taken it, it was flushed,
//! it was dropped to make room, or it was written off. Every change of state is made under the lock of [`Ledger`]. So each item is
//! counted once, whether the service's task writes off the remaining items or the supervisor does, after
//! it has given the task up:
//!
//! - `put_in` checks `closed` and adds the item under one lock. After the intake is closed, the ledger
//!   holds all items that were ever accepted and not flushed.
//! - Once `ended` is true, no item is taken and no item counts as flushed. A flush that returns after its
//!   items were written off changes no count.
//! - A permit of `room` is returned when an item is taken, not when it is flushed: the current batch does
//!   not count against the capacity.
//! - No wake-up of the service is lost. `put_in` adds the item first and calls `filled.notify_one` after
//!   it has released the lock. The service checks the ledger under the lock and then awaits `filled`. If
//!   the item is added after that check, the notification comes after it too, and [`Notify`] stores one
//!   notification that nothing awaits yet.
//! - Producers that wait for room are woken by the permits that `take` returns, or by the closing of `room`.
//! - `drop_oldest` sets the flag in the ledger first and then adds permits up to the most that a semaphore
//!   can have, once. From then on no permit is used up or returned: which of the two holds for an item is read
//!   under the ledger's lock, so the permits never exceed that number, and every producer that waits finds one.
//!   The ledger keeps the capacity itself.
//!
//! `current` is the lock of the service's end. A service holds it across `.await`, so it is an
//! asynchronous one; it is taken before the ledger's lock, never under it. No user code runs under the
//! ledger's lock: items are dropped after it is released, one by one.

mod errors;
mod outlet;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, TryAcquireError};

pub use self::errors::{SendError, TrySendError};
use self::outlet::CurrentBatch;
pub(crate) use self::outlet::{Batch, Outlet};
use crate::panics;
use crate::shared::queue_counts::{AnyIntake, Holder};

/// The intake of a [queue service](crate::Queue): a field of its struct. Clones share it: current one to
/// each producer.
///
/// What was accepted is flushed, or reported lost, exactly once, however the run ends. Items may be
/// sent before the service runs, and between two runs of it; they wait. Once the service stops for good, was
/// given up, or has gone with its runtime, sending fails and gives the item back: another registry needs a new
/// intake.
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
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    /// How many items may wait.
    capacity: usize,
    /// One permit for each item that may still be put in; more than enough once the oldest items are dropped.
    /// Closed with the intake.
    room: Semaphore,
    ledger: Mutex<Ledger<T>>,
    /// Notified after an item was put in, and after a flush was asked for.
    filled: Notify,
    /// Locked by the one service that empties the intake.
    current: Arc<AsyncMutex<CurrentBatch<T>>>,
}

/// Where each accepted item is.
struct Ledger<T> {
    waiting: VecDeque<T>,
    /// How many items the service has taken and not flushed.
    taken: usize,
    /// The oldest waiting item is dropped when there is no room for a new one.
    drops_oldest: bool,
    /// How many items were dropped for that.
    dropped: u64,
    /// No further item is accepted.
    closed: bool,
    /// The remaining items are written off.
    ended: bool,
    /// The service that empties the intake now.
    holder: Option<Holder>,
}

/// The most memory that an empty buffer keeps. The larger buffer of a large batch is freed, and allocated
/// anew for the next large batch.
const MAX_KEPT_BYTES: usize = 16 * 1024;

impl<T> Intake<T> {
    /// An intake that holds up to `capacity` items that wait for a batch; at least one.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        let ledger = Ledger {
            waiting: VecDeque::new(),
            taken: 0,
            drops_oldest: false,
            dropped: 0,
            closed: false,
            ended: false,
            holder: None,
        };
        let capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            shared: Arc::new(Shared {
                capacity,
                room: Semaphore::new(capacity),
                ledger: Mutex::new(ledger),
                filled: Notify::new(),
                current: Arc::default(),
            }),
        }
    }

    /// Sends an item, waiting while the queue is full. Under `overflow = drop_oldest` it does not wait: the
    /// oldest item that waits for a batch is dropped, here, to make room.
    ///
    /// Cancel-safe: a future that is dropped has sent nothing, and the item goes with it.
    ///
    /// # Errors
    ///
    /// Gives the item back when the service has stopped taking any, also while it waits.
    pub async fn send(&self, item: T) -> Result<(), SendError<T>> {
        let Ok(place) = self.shared.room.acquire().await else {
            return Err(SendError(item));
        };
        if self.shared.put_in(item).map_err(SendError)? {
            place.forget();
        }
        Ok(())
    }

    /// Sends an item if there is room for it now, as there always is under `overflow = drop_oldest`.
    ///
    /// # Errors
    ///
    /// Gives the item back when the queue is full, or the service has stopped taking any.
    ///
    /// ```
    /// use lifecycle::{Intake, TrySendError};
    ///
    /// let events = Intake::bounded(1);
    /// events.try_send("login")?;
    /// match events.try_send("logout") {
    ///     Err(TrySendError::Full(event)) => println!("left out: {event}"),
    ///     sent => sent?,
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let place = match self.shared.room.try_acquire() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits) => return Err(TrySendError::Full(item)),
            Err(TryAcquireError::Closed) => return Err(TrySendError::Closed(item)),
        };
        if self.shared.put_in(item).map_err(TrySendError::Closed)? {
            place.forget();
        }
        Ok(())
    }

    /// How many items wait for a batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.ledger().waiting.len()
    }

    /// Whether no item waits for a batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the service has stopped taking items.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.ledger().closed
    }

    /// From now on no producer waits: a full queue drops its oldest item.
    pub(crate) fn drop_oldest(&self) {
        self.shared.drop_oldest();
    }

    pub(crate) fn try_outlet(&self, holder: Holder) -> Option<Outlet<T>> {
        let current = self.shared.current.clone().try_lock_owned().ok()?;
        Some(Outlet::new(&self.shared, current, holder))
    }

    pub(crate) async fn outlet(&self, holder: Holder) -> Outlet<T> {
        let current = self.shared.current.clone().lock_owned().await;
        Outlet::new(&self.shared, current, holder)
    }
}

impl<T: Send + 'static> Intake<T> {
    pub(crate) fn erased(&self) -> Arc<dyn AnyIntake> {
        self.shared.clone()
    }
}

impl<T> Shared<T> {
    fn ledger(&self) -> MutexGuard<'_, Ledger<T>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the item, or returns it if the intake is closed. Returns whether it has used up the permit of its
    /// producer.
    fn put_in(&self, item: T) -> Result<bool, T> {
        let mut ledger = self.ledger();
        if ledger.closed {
            return Err(item);
        }
        let uses_permit = !ledger.drops_oldest;
        let oldest = if ledger.drops_oldest && ledger.waiting.len() >= self.capacity {
            ledger.dropped += 1;
            ledger.waiting.pop_front()
        } else {
            None
        };
        ledger.waiting.push_back(item);
        drop(ledger);
        self.filled.notify_one();
        // A panic of its destructor is no failure of the producer; the panic hook prints it.
        let _ = panics::catch(|| drop(oldest));
        Ok(uses_permit)
    }

    fn drop_oldest(&self) {
        let before = mem::replace(&mut self.ledger().drops_oldest, true);
        if !before {
            self.room
                .add_permits(Semaphore::MAX_PERMITS - self.capacity);
        }
    }

    /// Moves up to `most` waiting items into the batch. Returns whether a producer may have been woken.
    fn take(&self, most: usize, batch: &mut Batch<T>) -> bool {
        let mut ledger = self.ledger();
        let count = if ledger.ended {
            0
        } else {
            most.min(ledger.waiting.len())
        };
        batch.0.extend(ledger.waiting.drain(..count));
        ledger.taken += count;
        if ledger.waiting.is_empty() && is_large::<T>(ledger.waiting.capacity()) {
            ledger.waiting = VecDeque::new();
        }
        let returns_permits = !ledger.drops_oldest;
        drop(ledger);
        if !returns_permits {
            return false;
        }
        let was_full = self.room.available_permits() == 0;
        self.room.add_permits(count);
        was_full && count > 0
    }

    fn close(&self) {
        self.ledger().closed = true;
        self.room.close();
    }

    /// Closes the intake and writes the remaining items off. Returns how many there were.
    fn write_off(&self, mut ledger: MutexGuard<'_, Ledger<T>>) -> usize {
        let left = ledger.left();
        ledger.closed = true;
        ledger.ended = true;
        drop(ledger);
        self.room.close();
        left
    }
}

impl<T: Send> AnyIntake for Shared<T> {
    fn depth(&self) -> usize {
        self.ledger().left()
    }

    fn dropped(&self) -> u64 {
        self.ledger().dropped
    }

    fn wake(&self) {
        self.filled.notify_one();
    }

    fn end(&self, holder: Holder) -> usize {
        let ledger = self.ledger();
        if ledger.holder.is_some_and(|holds| holds != holder) {
            return 0;
        }
        self.write_off(ledger)
    }
}

impl<T> Ledger<T> {
    fn left(&self) -> usize {
        if self.ended {
            0
        } else {
            self.waiting.len() + self.taken
        }
    }
}

impl<T> Drop for Ledger<T> {
    fn drop(&mut self) {
        let _ = panics::drop_each(self.waiting.drain(..));
    }
}

/// Whether an empty buffer with room for so many items is freed.
fn is_large<T>(places: usize) -> bool {
    places.saturating_mul(size_of::<T>()) > MAX_KEPT_BYTES
}

impl<T> Clone for Intake<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
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
