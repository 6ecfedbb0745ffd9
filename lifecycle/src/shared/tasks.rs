//! The tasks that a service has spawned with `cx.spawn(..)` and `cx.spawn_isolated(..)`: its stop waits for
//! them, and drops them when they are late.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{self, Poll, Waker, ready};

use tokio::task::AbortHandle;

use crate::panics;
use crate::report::error::{Fault, Result};
use crate::report::status::Phase;
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::current::Current;
use crate::shared::failure;
use crate::shared::run::Run;
use crate::shared::scope::{SharedSpan, within};
use crate::shared::task_output::{Ended, TaskOutput};

/// The tasks of one run. A task that ends reports its failure itself and then leaves the set.
///
/// # Invariants
///
/// - A task is in the set from before it is spawned until its future is dropped. So an empty set means that
///   no code of a task is left.
/// - `door` is read, and the task added, under one lock. So after [`cut`](Self::cut) no task is added, and
///   every task in the set is aborted: by `cut`, or, if it was being spawned at that moment, by the thread
///   that spawns it.
/// - No wake-up is lost. The waiting task checks the set and stores its waker under one lock, and the last
///   task that leaves takes the waker out under the same lock.
/// - No task is aborted, woken or dropped under the lock, because each of these may run user code.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Owned>);

#[derive(Debug, Default)]
struct Owned {
    door: Door,
    /// A task of the service's own was refused after [`Tasks::cut`].
    has_refused: bool,
    /// Made for the first task. Most services have none.
    list: Option<Box<List>>,
}

#[derive(Debug, Default)]
struct List {
    /// The key of the next task.
    key: u64,
    tasks: BTreeMap<u64, TaskSlot>,
    /// How many of them are [`TaskKind::Own`].
    own: usize,
    /// The registries that the service has started: see [`nested`](crate::shared::nested).
    runs: Vec<Arc<Application>>,
    /// The waker of the task that waits for the set to be empty.
    waiter: Option<Waker>,
}

impl Owned {
    fn is_empty(&self) -> bool {
        self.list.as_ref().is_none_or(|list| list.tasks.is_empty())
    }
}

/// Whether tasks may be spawned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Door {
    #[default]
    Open,
    /// Not while late tasks are being dropped.
    Cut,
    /// Never again: the service is down.
    Closed,
}

#[derive(Debug)]
enum TaskSlot {
    /// It is being spawned.
    New,
    /// It is being spawned, and must be aborted then.
    Aborted,
    Spawned(AbortHandle),
}

/// How a task belongs to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskKind {
    /// A part of the service: the service fails with it, and is late with it.
    Own,
    /// Work for one client: its failure is only counted and logged, and it is never late.
    Isolated,
}

thread_local! {
    /// Whether this thread is spawning a task.
    static IS_SPAWNING: Cell<bool> = const { Cell::new(false) };
}

/// Spawns `future` as a task of the service, or drops it if the service takes no more tasks.
pub(crate) fn spawn<F>(cx: &Context, kind: TaskKind, future: F) -> bool
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    let Some(runtime) = cx.application().runtime() else {
        return false;
    };
    // A runtime that ends drops a future inside `spawn`. The future's destructor may spawn another one, and
    // so on, until the stack overflows.
    if IS_SPAWNING.get() {
        return false;
    }
    let tasks = &cx.run().tasks;
    let Some(key) = tasks.enter(kind) else {
        return false;
    };
    if kind == TaskKind::Isolated {
        cx.instance().make_isolated().began();
    }
    let task = Task {
        application: cx.weak_application(),
        run: cx.weak_run(),
        current: cx.current().in_a_task(),
        span: cx.span_of_run(),
        key,
        kind,
        future: Some(Box::pin(future)),
    };
    IS_SPAWNING.set(true);
    let spawned = runtime.spawn(task).abort_handle();
    IS_SPAWNING.set(false);
    tasks.spawned(key, spawned);
    true
}

impl Tasks {
    fn enter(&self, kind: TaskKind) -> Option<u64> {
        let mut owned = self.lock();
        if owned.door != Door::Open {
            owned.has_refused |= owned.door == Door::Cut && kind == TaskKind::Own;
            return None;
        }
        let list = owned.list.get_or_insert_default();
        let key = list.key;
        list.key += 1;
        list.own += usize::from(kind == TaskKind::Own);
        list.tasks.insert(key, TaskSlot::New);
        Some(key)
    }

    /// The task is spawned. It may have ended already, and has left the set then.
    fn spawned(&self, key: u64, handle: AbortHandle) {
        let mut owned = self.lock();
        let list = owned.list.as_mut();
        match list.and_then(|list| list.tasks.get_mut(&key)) {
            Some(entry @ TaskSlot::New) => *entry = TaskSlot::Spawned(handle),
            Some(_) => {
                drop(owned);
                handle.abort();
            }
            None => {}
        }
    }

    fn leave(&self, key: u64, kind: TaskKind) {
        let mut owned = self.lock();
        let Some(list) = &mut owned.list else { return };
        let entry = list.tasks.remove(&key);
        list.own -= usize::from(kind == TaskKind::Own);
        let waiter = if list.tasks.is_empty() {
            list.waiter.take()
        } else {
            None
        };
        drop(owned);
        drop(entry);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Adds a registry that the service starts. It is refused when a task would be refused.
    pub(crate) fn adopt(&self, run: &Arc<Application>) -> bool {
        let mut owned = self.lock();
        if owned.door != Door::Open {
            owned.has_refused |= owned.door == Door::Cut;
            return false;
        }
        let runs = &mut owned.list.get_or_insert_default().runs;
        let (gone, mut there): (Vec<_>, Vec<_>) =
            runs.drain(..).partition(|run| run.gone.is_closed());
        there.push(run.clone());
        *runs = there;
        drop(owned);
        drop(gone);
        true
    }

    /// Takes out the registries that the service has started.
    pub(crate) fn take_runs(&self) -> Vec<Arc<Application>> {
        let mut owned = self.lock();
        let list = owned.list.as_mut();
        list.map(|list| mem::take(&mut list.runs))
            .unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Whether a task of the service's own is left.
    pub(crate) fn has_own(&self) -> bool {
        let owned = self.lock();
        owned.list.as_ref().is_some_and(|list| list.own > 0)
    }

    /// Ready when the set is empty. Otherwise wakes the task that polled last when it is.
    pub(crate) fn poll_gone(&self, task: &task::Context<'_>) -> Poll<()> {
        let mut owned = self.lock();
        let Some(list) = owned.list.as_mut().filter(|list| !list.tasks.is_empty()) else {
            return Poll::Ready(());
        };
        let before = list.waiter.replace(task.waker().clone());
        drop(owned);
        drop(before);
        Poll::Pending
    }

    /// Aborts every task, and refuses new ones. Callers must still wait until the set is empty.
    pub(crate) fn cut(&self) {
        self.shut(Door::Cut);
    }

    /// The late tasks are gone, so the drain may spawn tasks of its own.
    pub(crate) fn reopen(&self) {
        let mut owned = self.lock();
        if owned.door == Door::Cut {
            owned.door = Door::Open;
            owned.has_refused = false;
        }
    }

    /// Whether a task of the service's own was refused since the last call, because late ones were being
    /// dropped.
    pub(crate) fn take_refused(&self) -> bool {
        mem::take(&mut self.lock().has_refused)
    }

    /// Aborts every task, and refuses new ones for ever. Callers must still wait until the set is empty.
    pub(crate) fn close(&self) {
        self.shut(Door::Closed);
    }

    fn shut(&self, door: Door) {
        let mut owned = self.lock();
        if owned.door != Door::Closed {
            owned.door = door;
        }
        let mut spawned = Vec::new();
        for entry in owned
            .list
            .iter_mut()
            .flat_map(|list| list.tasks.values_mut())
        {
            match entry {
                TaskSlot::New => *entry = TaskSlot::Aborted,
                TaskSlot::Aborted => {}
                TaskSlot::Spawned(handle) => spawned.push(handle.clone()),
            }
        }
        drop(owned);
        for task in spawned {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Owned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Outside a registry, in the unit test of a hook, no supervisor aborts the tasks.
impl Drop for Tasks {
    fn drop(&mut self) {
        self.close();
    }
}

/// One task: the user's future, polled and dropped in the scope of its service.
struct Task<F> {
    /// Held weakly, so that in the unit test of a hook the tasks end when the context is dropped.
    application: Weak<Application>,
    run: Weak<Run>,
    current: Current,
    span: SharedSpan,
    key: u64,
    kind: TaskKind,
    /// `None` once it has ended.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future<Output: TaskOutput>> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let Self {
            current,
            span,
            future,
            ..
        } = &mut *self;
        let Some(future) = future else {
            return Poll::Ready(());
        };
        let future = future.as_mut();
        let result = ready!(within(*current, span.as_deref(), || panics::catch_poll(
            future, task
        )));
        let ended = match result {
            Ok(output) => output.into_result().map_err(Fault::Error),
            Err(panic) => Err(panic.into()),
        };
        self.end(ended);
        Poll::Ready(())
    }
}

impl<F> Task<F> {
    /// Drops the future, whose destructor is the task's code too, reports the failures, and leaves the
    /// set.
    fn end(&mut self, ended: Result<(), Fault>) {
        let (future, span) = (self.future.take(), self.span.take());
        let dropped = within(self.current, span.as_deref(), || {
            panics::catch(|| drop(future))
        });
        drop(span);
        let Some((application, run)) = self.application.upgrade().zip(self.run.upgrade()) else {
            return;
        };
        let cx = Context::new(application, run, self.current.service.index as usize);
        for fault in [ended, dropped.map_err(Fault::from)]
            .into_iter()
            .filter_map(Result::err)
        {
            match self.kind {
                TaskKind::Own => failure::fail(&cx, Phase::Task, fault),
                TaskKind::Isolated => failure::note_isolated(&cx, fault),
            }
        }
        if self.kind == TaskKind::Isolated {
            cx.instance().make_isolated().ended();
        }
        cx.run().tasks.leave(self.key, self.kind);
    }
}

/// Runs when the task was aborted, or when the runtime ends.
impl<F> Drop for Task<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.end(Ok(()));
        }
    }
}
