//! The service's end of an intake: it takes items out, batch by batch.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;

use super::{Shared, is_large};
use crate::panics;
use crate::report::error::Fault;
use crate::shared::queue_counts::Holder;

/// The items that the service has taken and not flushed. They stay here when a flush is dropped.
pub(super) struct CurrentBatch<T> {
    pub(super) batch: Batch<T>,
    /// A flush of this batch has begun at least once.
    is_tried: bool,
    /// How many of its flushes have returned an error.
    failures: u32,
    /// Taking the last items may have woken a producer that waited for room.
    has_woken: bool,
    /// How many dropped items the service has been told of.
    told_dropped: u64,
}

impl<T> Default for CurrentBatch<T> {
    fn default() -> Self {
        Self {
            batch: Batch(Vec::new()),
            is_tried: false,
            failures: 0,
            has_woken: false,
            told_dropped: 0,
        }
    }
}

/// Items that are flushed together.
pub(crate) struct Batch<T>(pub(super) Vec<T>);

/// The service's end of the intake. Only one exists at a time.
pub(crate) struct Outlet<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) current: OwnedMutexGuard<CurrentBatch<T>>,
}

impl<T> Outlet<T> {
    pub(super) fn new(
        shared: &Arc<Shared<T>>,
        current: OwnedMutexGuard<CurrentBatch<T>>,
        holder: Holder,
    ) -> Self {
        shared.ledger().holder = Some(holder);
        Self {
            shared: shared.clone(),
            current,
        }
    }

    /// Resolves when there is an item for a batch, or a flush was asked for. Cancel-safe.
    pub(crate) async fn item(&mut self, is_asked: impl Fn() -> bool) {
        while self.left() == 0 && !is_asked() {
            self.shared.filled.notified().await;
        }
    }

    /// Resolves when the batch is full, after `interval`, or when a flush was asked for. Cancel-safe: taken
    /// items stay in the batch.
    pub(crate) async fn fill(
        &mut self,
        size: usize,
        interval: Duration,
        is_asked: impl Fn() -> bool,
    ) {
        let mut waited = std::pin::pin!(sleep(interval));
        loop {
            self.take(size);
            if self.current.batch.len() >= size || is_asked() {
                return;
            }
            tokio::select! {
                biased;
                () = self.shared.filled.notified() => {}
                () = &mut waited => return,
            }
        }
    }

    /// Takes waiting items until the batch has `size` of them.
    pub(crate) fn take(&mut self, size: usize) {
        let current = &mut *self.current;
        let room = size.saturating_sub(current.batch.len());
        current.has_woken = self.shared.take(room, &mut current.batch);
    }

    /// Whether taking the last items may have woken a producer.
    pub(crate) fn has_woken(&self) -> bool {
        self.current.has_woken
    }

    /// The items of the current batch, for a flush that begins now.
    pub(crate) fn batch(&mut self) -> &[T] {
        self.current.is_tried = true;
        &self.current.batch.0
    }

    /// A flush of the current batch has returned an error. Returns how many have.
    pub(crate) fn failed(&mut self) -> u32 {
        self.current.failures = self.current.failures.saturating_add(1);
        self.current.failures
    }

    /// How many flushes of the current batch have returned an error.
    pub(crate) fn failures(&self) -> u32 {
        self.current.failures
    }

    /// The flushes of the current batch that have failed don't count any more.
    pub(crate) fn forget_failures(&mut self) {
        self.current.failures = 0;
    }

    /// Whether a flush of the current batch has begun. Such a batch is flushed as it is: other items might fail
    /// with it.
    pub(crate) fn is_tried(&self) -> bool {
        self.current.is_tried && !self.is_empty()
    }

    /// Whether the current batch has no items.
    pub(crate) fn is_empty(&self) -> bool {
        self.current.batch.is_empty()
    }

    /// How many items the current batch has.
    pub(crate) fn count(&self) -> usize {
        self.current.batch.len()
    }

    /// Takes the current batch out: it is flushed, or the drain flushes it from here on.
    pub(crate) fn take_batch(&mut self) -> Batch<T> {
        self.current.is_tried = false;
        self.current.failures = 0;
        mem::replace(&mut self.current.batch, Batch(Vec::new()))
    }

    /// Uses the buffer of a flushed batch for the next one.
    pub(crate) fn reuse(&mut self, buffer: Vec<T>) {
        if self.is_empty() && !is_large::<T>(buffer.capacity()) {
            self.current.batch.0 = buffer;
        }
    }

    /// Closes the intake: no further item is accepted.
    pub(crate) fn close(&mut self) {
        self.shared.close();
    }

    /// The next batch of the remaining items, of up to `size` of them. The current batch comes first. If
    /// its flush has failed before, no other items are added to it: they might fail with it.
    pub(crate) fn next_batch(&mut self, size: usize) -> Option<Batch<T>> {
        if !self.current.is_tried {
            self.take(size);
        }
        let batch = self.take_batch();
        (!batch.is_empty()).then_some(batch)
    }

    /// So many of the taken items are flushed, or lost. False if they are written off already.
    pub(crate) fn settled(&self, items: usize) -> bool {
        let mut ledger = self.shared.ledger();
        if ledger.ended {
            return false;
        }
        ledger.taken -= items;
        true
    }

    /// How many items were dropped to make room since this was called last.
    pub(crate) fn newly_dropped(&mut self) -> u64 {
        let dropped = self.shared.ledger().dropped;
        dropped - mem::replace(&mut self.current.told_dropped, dropped)
    }

    /// How many items are accepted and neither flushed nor written off.
    pub(crate) fn left(&self) -> usize {
        self.shared.ledger().left()
    }

    /// Closes the intake and writes the remaining items off. Returns how many there were.
    pub(crate) fn end(&self) -> usize {
        self.shared.write_off(self.shared.ledger())
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.shared.ledger().holder = None;
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

    /// Drops the items one by one, because a second panicking destructor would abort the process.
    /// Returns the first panic, and the buffer.
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
