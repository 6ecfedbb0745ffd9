//! Where a queue service takes items in: bounded, filled by any number of producers, emptied by the
//! service alone.
//!
//! # Invariants
//!
//! Each item that was accepted is in exactly one of four places: it waits, it was taken by the
//! service, it was flushed, or it was written off. All moves between them are made under the one lock
//! of [`Line`], so that whoever writes off what is left, the service's own task or the supervisor
//! after that task was given up, counts each item once:
//!
//! - An item is put in only while `closed` is false, which is looked at under the same lock. What is
//!   there when the intake closes is all that was ever accepted.
//! - Once `ended` is true nothing is taken and nothing counts as flushed any more: a flush that
//!   returns after its items were written off changes no count.
//! - A permit of `room` is given back when an item is taken, never when it is flushed: the batch in
//!   hand does not count against the capacity.
//! - `filled` is notified after each item that was put in, when the lock is free again. It remembers
//!   one notice, and the service looks under the lock before each wait, so that none is lost.
//!
//! No code of the user runs under the lock: items are dropped outside it, one by one.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard, Semaphore, TryAcquireError};
use tokio::time::sleep;

use crate::panics;
use crate::report::error::Fault;
use crate::shared::queue_counts::{Books, Holder};

/// The intake of a [queue service](crate::Queue): a field of its struct. Clones share it: hand one to
/// each producer.
///
/// What was accepted is flushed, or reported lost, exactly once, however the run ends. Items may be
/// sent before the service runs; they wait. Once the service drains, was given up, or has gone with
/// its runtime, sending fails and gives the item back, for good: a new run needs a new intake.
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
    /// A permit for each item that may still be put in. Closed with the intake.
    room: Semaphore,
    line: Mutex<Line<T>>,
    /// An item was put in.
    filled: Notify,
    /// Held by the one service that empties the intake.
    hand: Arc<AsyncMutex<Hand<T>>>,
}

struct Line<T> {
    waiting: VecDeque<T>,
    /// How many the service has taken and not flushed.
    taken: usize,
    /// Nothing is accepted any more.
    closed: bool,
    /// What was left is written off.
    ended: bool,
    /// Which service holds the hand.
    holder: Option<Holder>,
}

/// Taken from the intake, not yet flushed. It outlives a flush that is dropped.
struct Hand<T> {
    batch: Batch<T>,
    /// Its flush has begun once.
    is_tried: bool,
    /// There may have been a producer who waited for the room of the last items that were taken.
    has_woken: bool,
}

/// Items that are flushed together.
pub(crate) struct Batch<T>(Vec<T>);

/// The other end, while a service holds it.
pub(crate) struct Outlet<T> {
    shared: Arc<Shared<T>>,
    hand: OwnedMutexGuard<Hand<T>>,
}

/// The most memory that an empty buffer keeps, in bytes. One that a large batch has needed is given
/// back, and made anew when there is another.
const KEPT: usize = 16 * 1024;

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
        let line = Line {
            waiting: VecDeque::new(),
            taken: 0,
            closed: false,
            ended: false,
            holder: None,
        };
        let hand = Hand {
            batch: Batch(Vec::new()),
            is_tried: false,
            has_woken: false,
        };
        Self {
            shared: Arc::new(Shared {
                room: Semaphore::new(capacity.clamp(1, Semaphore::MAX_PERMITS)),
                line: Mutex::new(line),
                filled: Notify::new(),
                hand: Arc::new(AsyncMutex::new(hand)),
            }),
        }
    }

    /// Sends an item, waiting while the queue is full.
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
        self.shared.put_in(item).map_err(SendError)?;
        place.forget();
        Ok(())
    }

    /// Sends an item if there is room for it now.
    ///
    /// # Errors
    ///
    /// Gives the item back when the queue is full, or the service has stopped taking any.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let place = match self.shared.room.try_acquire() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits) => return Err(TrySendError::Full(item)),
            Err(TryAcquireError::Closed) => return Err(TrySendError::Closed(item)),
        };
        self.shared.put_in(item).map_err(TrySendError::Closed)?;
        place.forget();
        Ok(())
    }

    /// How many items wait for a batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.line().waiting.len()
    }

    /// Whether no item waits for a batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the service has stopped taking items.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.line().closed
    }

    pub(crate) fn try_outlet(&self, holder: Holder) -> Option<Outlet<T>> {
        let hand = self.shared.hand.clone().try_lock_owned().ok()?;
        Some(Outlet::new(&self.shared, hand, holder))
    }

    pub(crate) async fn outlet(&self, holder: Holder) -> Outlet<T> {
        let hand = self.shared.hand.clone().lock_owned().await;
        Outlet::new(&self.shared, hand, holder)
    }
}

impl<T: Send + 'static> Intake<T> {
    pub(crate) fn books(&self) -> Arc<dyn Books> {
        self.shared.clone()
    }
}

impl<T> Shared<T> {
    fn line(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The item comes back when the intake is closed.
    fn put_in(&self, item: T) -> Result<(), T> {
        let mut line = self.line();
        if line.closed {
            return Err(item);
        }
        line.waiting.push_back(item);
        drop(line);
        self.filled.notify_one();
        Ok(())
    }

    /// Whether a producer may have waited for the room.
    fn take(&self, most: usize, batch: &mut Batch<T>) -> bool {
        let mut line = self.line();
        let count = if line.ended {
            0
        } else {
            most.min(line.waiting.len())
        };
        batch.0.extend(line.waiting.drain(..count));
        line.taken += count;
        if line.waiting.is_empty() && is_large::<T>(line.waiting.capacity()) {
            line.waiting = VecDeque::new();
        }
        drop(line);
        let was_full = self.room.available_permits() == 0;
        self.room.add_permits(count);
        was_full && count > 0
    }

    fn close(&self) {
        self.line().closed = true;
        self.room.close();
    }
}

impl<T: Send> Books for Shared<T> {
    fn depth(&self) -> usize {
        self.line().left()
    }

    fn end(&self, holder: Holder) -> usize {
        let mut line = self.line();
        if line.holder.is_some_and(|holds| holds != holder) {
            return 0;
        }
        let left = line.left();
        line.closed = true;
        line.ended = true;
        drop(line);
        self.room.close();
        left
    }
}

impl<T> Line<T> {
    fn left(&self) -> usize {
        if self.ended {
            0
        } else {
            self.waiting.len() + self.taken
        }
    }
}

impl<T> Outlet<T> {
    fn new(shared: &Arc<Shared<T>>, hand: OwnedMutexGuard<Hand<T>>, holder: Holder) -> Self {
        shared.line().holder = Some(holder);
        Self {
            shared: shared.clone(),
            hand,
        }
    }

    /// Resolves when there is an item for a batch: never, once the intake is closed and empty.
    /// Cancel-safe.
    pub(crate) async fn item(&mut self) {
        while self.hand.batch.is_empty() && self.shared.line().waiting.is_empty() {
            self.shared.filled.notified().await;
        }
    }

    /// Resolves when the batch is full, or `patience` from now. Cancel-safe: what was taken stays in
    /// the batch.
    pub(crate) async fn fill(&mut self, size: usize, patience: Duration) {
        let mut waited = std::pin::pin!(sleep(patience));
        loop {
            self.take(size);
            if self.hand.batch.len() >= size {
                return;
            }
            tokio::select! {
                biased;
                () = self.shared.filled.notified() => {}
                () = &mut waited => return,
            }
        }
    }

    /// Takes what waits, as far as the batch has room for it.
    fn take(&mut self, size: usize) {
        let hand = &mut *self.hand;
        let room = size.saturating_sub(hand.batch.len());
        hand.has_woken = self.shared.take(room, &mut hand.batch);
    }

    /// Whether a producer may have been woken when items were taken last.
    pub(crate) fn has_woken(&self) -> bool {
        self.hand.has_woken
    }

    /// The batch in hand, whose flush begins.
    pub(crate) fn batch(&mut self) -> &[T] {
        self.hand.is_tried = true;
        &self.hand.batch.0
    }

    /// Whether no batch is in hand.
    pub(crate) fn is_empty(&self) -> bool {
        self.hand.batch.is_empty()
    }

    /// The batch in hand is flushed.
    pub(crate) fn take_batch(&mut self) -> Batch<T> {
        self.hand.is_tried = false;
        mem::replace(&mut self.hand.batch, Batch(Vec::new()))
    }

    /// The memory of a batch that is done, for the next one.
    pub(crate) fn reuse(&mut self, buffer: Vec<T>) {
        if self.is_empty() && !is_large::<T>(buffer.capacity()) {
            self.hand.batch.0 = buffer;
        }
    }

    /// Takes no more items from anybody.
    pub(crate) fn close(&mut self) {
        self.shared.close();
    }

    /// The next batch of what is left, of up to `size` items. The one in hand comes first, and is not
    /// filled up with others where it may be what made a flush fail.
    pub(crate) fn rest(&mut self, size: usize) -> Option<Batch<T>> {
        if !self.hand.is_tried {
            self.take(size);
        }
        let batch = self.take_batch();
        (!batch.is_empty()).then_some(batch)
    }

    /// So many of the items taken are flushed. False where they are written off already.
    pub(crate) fn flushed(&self, items: usize) -> bool {
        let mut line = self.shared.line();
        if line.ended {
            return false;
        }
        line.taken -= items;
        true
    }

    /// How many items are accepted and neither flushed nor written off; all that will ever be, once
    /// the intake is closed.
    pub(crate) fn left(&self) -> usize {
        self.shared.line().left()
    }

    /// Closes the intake and writes off what is left: how many items that were.
    pub(crate) fn end(&self) -> usize {
        let mut line = self.shared.line();
        let left = line.left();
        line.closed = true;
        line.ended = true;
        drop(line);
        self.shared.room.close();
        left
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.shared.line().holder = None;
    }
}

impl<T> Batch<T> {
    pub(crate) fn items(&self) -> &[T] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops the items, each by itself: the second destructor that panics would be the end of the
    /// process. The first panic, and the memory.
    pub(crate) fn drop_items(mut self) -> (Option<Fault>, Vec<T>) {
        let dropped = panics::drop_each(self.0.drain(..));
        (
            dropped.err().map(|panic| panics::message(panic).into()),
            mem::take(&mut self.0),
        )
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        let _ = panics::drop_each(self.0.drain(..));
    }
}

impl<T> Drop for Line<T> {
    fn drop(&mut self) {
        let _ = panics::drop_each(self.waiting.drain(..));
    }
}

/// Whether an empty buffer of so many places is given back.
fn is_large<T>(places: usize) -> bool {
    places.saturating_mul(size_of::<T>()) > KEPT
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all that waits, as one batch, and flushes it.
    fn flush_all<T>(outlet: &mut Outlet<T>) -> Option<Fault> {
        outlet.take(usize::MAX);
        let batch = outlet.take_batch();
        assert!(outlet.flushed(batch.len()));
        let (fault, buffer) = batch.drop_items();
        outlet.reuse(buffer);
        fault
    }

    fn bytes(outlet: &Outlet<[u64; 4]>) -> usize {
        let places = outlet.hand.batch.0.capacity() + outlet.shared.line().waiting.capacity();
        places * size_of::<[u64; 4]>()
    }

    #[test]
    fn the_memory_of_a_large_batch_is_given_back_and_that_of_a_small_one_is_kept() {
        let intake = Intake::bounded(100_000);
        let mut outlet = intake.try_outlet(1).unwrap();
        for _ in 0..100_000 {
            intake.try_send([0; 4]).unwrap();
        }
        flush_all(&mut outlet);
        assert!(bytes(&outlet) <= 2 * KEPT, "{}", bytes(&outlet));
        for _ in 0..100 {
            intake.try_send([0; 4]).unwrap();
        }
        flush_all(&mut outlet);
        let kept = (
            outlet.hand.batch.0.capacity(),
            outlet.shared.line().waiting.capacity(),
        );
        assert!(kept.0 >= 100 && kept.1 >= 100, "{kept:?}");
    }

    #[test]
    fn what_was_written_off_is_neither_taken_nor_flushed() {
        let intake = Intake::bounded(10);
        let mut outlet = intake.try_outlet(1).unwrap();
        for item in 0..5 {
            intake.try_send(item).unwrap();
        }
        outlet.take(2);
        let books = intake.books();
        assert_eq!(books.end(2), 0, "another service holds it");
        assert_eq!((books.depth(), intake.is_closed()), (5, false));
        assert_eq!((books.end(1), books.end(1)), (5, 0), "once");
        assert!(!outlet.flushed(2));
        outlet.take(3);
        assert_eq!(outlet.hand.batch.len(), 2);
        assert_eq!((books.depth(), intake.is_closed()), (0, true));
    }

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }

    #[test]
    fn items_whose_destructors_panic_do_not_abort() {
        let intake = Intake::bounded(10);
        for _ in 0..9 {
            assert!(intake.try_send(Bomb).is_ok());
        }
        let mut outlet = intake.try_outlet(1).unwrap();
        outlet.hand.batch = outlet.rest(3).unwrap();
        outlet.shared.line().taken -= 3;
        drop(outlet.take_batch());
        outlet.hand.batch = outlet.rest(3).unwrap();
        drop(outlet);
        drop(intake);
    }
}
