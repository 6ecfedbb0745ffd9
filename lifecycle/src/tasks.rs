//! The tasks a service has started with `cx.spawn(..)`: owned by it, awaited when it stops, dropped
//! when they are late.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::coop::unconstrained;
use tokio::task::{JoinError, JoinSet};

use crate::cell::Orders;
use crate::error::Result;

#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Owned>);

#[derive(Debug, Default)]
enum Owned {
    /// Most services never start one.
    #[default]
    None,
    Some(JoinSet<Result>),
    /// No more: the service is down.
    Closed,
}

thread_local! {
    /// This thread is about to start a task.
    static SPAWNS: Cell<bool> = const { Cell::new(false) };
}

impl Tasks {
    /// Starts `future` as a task of the service, and tells the service's own task to join it; drops
    /// it when the service is down already.
    pub(crate) fn spawn(
        &self,
        runtime: &Handle,
        orders: &Orders,
        future: impl Future<Output = Result> + Send + 'static,
    ) -> bool {
        // Only a runtime that ends drops a future right where it is spawned. When the destructor of
        // that spawns in its turn, this thread holds the lock.
        if SPAWNS.get() {
            return false;
        }
        let mut owned = self.lock();
        if let Owned::None = &*owned {
            *owned = Owned::Some(JoinSet::new());
        }
        let Owned::Some(set) = &mut *owned else {
            return false;
        };
        // Whoever has found nothing to wait for is not woken by what comes later.
        let is_first = set.is_empty();
        SPAWNS.set(true);
        set.spawn_on(future, runtime);
        SPAWNS.set(false);
        drop(owned);
        if is_first {
            orders.give(Orders::JOIN);
        }
        true
    }

    /// The result of the next task that ends. Pending while there is none, but see
    /// [`is_empty`](Self::is_empty).
    pub(crate) fn poll_next(&self, task: &mut Task<'_>) -> Poll<Result<Result, JoinError>> {
        let Owned::Some(set) = &mut *self.lock() else {
            return Poll::Pending;
        };
        // Whatever is left of what tokio grants this turn: a `start` that is never out of work would
        // keep the end of a task from being seen.
        match ready!(pin!(unconstrained(set.join_next())).poll(task)) {
            Some(ended) => Poll::Ready(ended),
            None => Poll::Pending,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match &*self.lock() {
            Owned::Some(set) => set.is_empty(),
            Owned::None | Owned::Closed => true,
        }
    }

    /// Tells every task to end where it stands; each is still to be awaited.
    pub(crate) fn abort(&self) {
        if let Owned::Some(set) = &mut *self.lock() {
            set.abort_all();
        }
    }

    /// From now on there are no tasks: those left are aborted, and handed over to be awaited.
    pub(crate) fn close(&self) -> Option<JoinSet<Result>> {
        match std::mem::replace(&mut *self.lock(), Owned::Closed) {
            Owned::Some(mut left) => {
                left.abort_all();
                Some(left)
            }
            Owned::None | Owned::Closed => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Owned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
