//! The tasks a service has started with `cx.spawn(..)`: owned by it, awaited when it stops, dropped
//! when they are late.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, Waker};

use tokio::runtime::Handle;
use tokio::task::coop::unconstrained;
use tokio::task::{JoinError, JoinSet};

use crate::error::Result;

#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Owned>);

#[derive(Debug, Default)]
struct Owned {
    /// Made by the first `spawn`: most services never call it.
    set: Option<JoinSet<Result>>,
    /// The service's own task, to be woken by the first `spawn` after it found nothing to wait for.
    owner: Option<Waker>,
    /// No more tasks: the service is down.
    closed: bool,
}

thread_local! {
    /// This thread is about to start a task.
    static SPAWNS: Cell<bool> = const { Cell::new(false) };
}

impl Tasks {
    /// Starts `future` as a task of the service; drops it when the service is down already.
    pub(crate) fn spawn(
        &self,
        runtime: &Handle,
        future: impl Future<Output = Result> + Send + 'static,
    ) -> bool {
        // Only a runtime that ends drops a future right where it is spawned. When the destructor of
        // that spawns in its turn, this thread holds the lock.
        if SPAWNS.get() {
            return false;
        }
        let mut owned = self.lock();
        if owned.closed {
            return false;
        }
        SPAWNS.set(true);
        owned.set.get_or_insert_default().spawn_on(future, runtime);
        SPAWNS.set(false);
        let sleeper = owned.owner.take();
        drop(owned);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        true
    }

    /// The result of the next task that ends. Pending while there is none, but see
    /// [`is_empty`](Self::is_empty).
    pub(crate) fn poll_next(&self, task: &mut Task<'_>) -> Poll<Result<Result, JoinError>> {
        let mut owned = self.lock();
        let ended = match &mut owned.set {
            // Whatever is left of what tokio grants this turn: a `start` that is never out of work
            // would keep the end of a task from being seen.
            Some(set) => pin!(unconstrained(set.join_next())).poll(task),
            None => Poll::Ready(None),
        };
        match ended {
            Poll::Ready(Some(ended)) => Poll::Ready(ended),
            Poll::Ready(None) => {
                if !owned
                    .owner
                    .as_ref()
                    .is_some_and(|owner| owner.will_wake(task.waker()))
                {
                    owned.owner = Some(task.waker().clone());
                }
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().set.as_ref().is_none_or(JoinSet::is_empty)
    }

    /// Tells every task to end where it stands; each is still to be awaited.
    pub(crate) fn abort(&self) {
        if let Some(set) = &mut self.lock().set {
            set.abort_all();
        }
    }

    /// From now on there are no tasks: those left are aborted, and handed over to be awaited.
    pub(crate) fn close(&self) -> Option<JoinSet<Result>> {
        let mut owned = self.lock();
        owned.closed = true;
        owned.owner = None;
        let mut left = owned.set.take()?;
        left.abort_all();
        Some(left)
    }

    fn lock(&self) -> MutexGuard<'_, Owned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
