//! The tasks a service has started with `cx.spawn(..)` and `cx.spawn_isolated(..)`: owned by it, awaited
//! when it stops, dropped when they are late.

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

/// The tasks that are there. One that has ended says itself how, and is out.
///
/// # Invariants
///
/// A task is in from before it is spawned until its future is dropped, so an empty set means that no code of
/// a task is left. The door is looked at under the lock under which a task gets in, so after
/// [`cut`](Self::cut) no task comes in, and every one that is in is aborted: by `cut`, or, where it was just
/// being spawned, by the thread that spawns it. The waker is stored under the same lock, after a look at the
/// set: the last task that leaves finds it. Nothing is aborted, woken or dropped under the lock.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Owned>);

#[derive(Debug, Default)]
struct Owned {
    door: Door,
    /// Of the next one.
    key: u64,
    tasks: BTreeMap<u64, Entry>,
    /// How many of them are [`Kind::Own`].
    own: usize,
    /// An own one came to a door that was shut by [`Tasks::cut`].
    has_refused: bool,
    /// What registries it has started; see [`nested`](crate::nested).
    runs: Vec<Arc<Application>>,
    /// Of the task that waits for the last one.
    waiter: Option<Waker>,
}

/// Whether tasks may be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Door {
    #[default]
    Open,
    /// Not while those that are late are being dropped.
    Cut,
    /// No more: the service is down.
    Closed,
}

#[derive(Debug)]
enum Entry {
    /// It is just being spawned.
    New,
    /// The same, and it is to end at once.
    Aborted,
    Spawned(AbortHandle),
}

/// What a task is to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A part of it: its failure is the service's, and so is that it is late.
    Own,
    /// The work for one client: neither is.
    Isolated,
}

thread_local! {
    /// This thread is about to start a task.
    static SPAWNS: Cell<bool> = const { Cell::new(false) };
}

/// Starts `future` as a task of the service; drops it when the service takes no more.
pub(crate) fn spawn<F>(cx: &Context, kind: Kind, future: F) -> bool
where
    F: Future<Output: TaskOutput> + Send + 'static,
{
    let Some(runtime) = cx.application().runtime() else {
        return false;
    };
    // Only a runtime that ends drops a future right where it is spawned. The destructor of that may spawn
    // in its turn, and so on: the stack would not hold it.
    if SPAWNS.get() {
        return false;
    }
    let tasks = &cx.run().tasks;
    let Some(key) = tasks.enter(kind) else {
        return false;
    };
    if kind == Kind::Isolated {
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
    SPAWNS.set(true);
    let spawned = runtime.spawn(task).abort_handle();
    SPAWNS.set(false);
    tasks.spawned(key, spawned);
    true
}

impl Tasks {
    fn enter(&self, kind: Kind) -> Option<u64> {
        let mut owned = self.lock();
        if owned.door != Door::Open {
            owned.has_refused |= owned.door == Door::Cut && kind == Kind::Own;
            return None;
        }
        let key = owned.key;
        owned.key += 1;
        owned.own += usize::from(kind == Kind::Own);
        owned.tasks.insert(key, Entry::New);
        Some(key)
    }

    /// It may have ended already, and is out then.
    fn spawned(&self, key: u64, handle: AbortHandle) {
        let mut owned = self.lock();
        match owned.tasks.get_mut(&key) {
            Some(entry @ Entry::New) => *entry = Entry::Spawned(handle),
            Some(_) => {
                drop(owned);
                handle.abort();
            }
            None => {}
        }
    }

    fn leave(&self, key: u64, kind: Kind) {
        let mut owned = self.lock();
        let entry = owned.tasks.remove(&key);
        owned.own -= usize::from(kind == Kind::Own);
        let waiter = if owned.tasks.is_empty() {
            owned.waiter.take()
        } else {
            None
        };
        drop(owned);
        drop(entry);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// A registry that the service starts gets in where a task would.
    pub(crate) fn adopt(&self, run: &Arc<Application>) -> bool {
        let mut owned = self.lock();
        if owned.door != Door::Open {
            owned.has_refused |= owned.door == Door::Cut;
            return false;
        }
        let (gone, mut there): (Vec<_>, Vec<_>) =
            owned.runs.drain(..).partition(|run| run.gone.is_closed());
        there.push(run.clone());
        owned.runs = there;
        drop(owned);
        drop(gone);
        true
    }

    /// The registries that it has started.
    pub(crate) fn take_runs(&self) -> Vec<Arc<Application>> {
        mem::take(&mut self.lock().runs)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().tasks.is_empty()
    }

    /// Whether any is there that the service answers for.
    pub(crate) fn has_own(&self) -> bool {
        self.lock().own > 0
    }

    /// Ready when there are none; wakes the last one that has polled.
    pub(crate) fn poll_gone(&self, task: &task::Context<'_>) -> Poll<()> {
        let mut owned = self.lock();
        if owned.tasks.is_empty() {
            return Poll::Ready(());
        }
        let before = owned.waiter.replace(task.waker().clone());
        drop(owned);
        drop(before);
        Poll::Pending
    }

    /// Tells every task to end where it stands, and starts no more; each is still to be awaited.
    pub(crate) fn cut(&self) {
        self.shut(Door::Cut);
    }

    /// Those that were late are gone: what comes after them, the drain, may start its own.
    pub(crate) fn reopen(&self) {
        let mut owned = self.lock();
        if owned.door == Door::Cut {
            owned.door = Door::Open;
            owned.has_refused = false;
        }
    }

    /// Whether an own one was refused since the last call, because others were being dropped.
    pub(crate) fn take_refused(&self) -> bool {
        mem::take(&mut self.lock().has_refused)
    }

    /// From now on there are no tasks: those left are aborted, and still to be awaited.
    pub(crate) fn close(&self) {
        self.shut(Door::Closed);
    }

    fn shut(&self, door: Door) {
        let mut owned = self.lock();
        if owned.door != Door::Closed {
            owned.door = door;
        }
        let mut spawned = Vec::new();
        for entry in owned.tasks.values_mut() {
            match entry {
                Entry::New => *entry = Entry::Aborted,
                Entry::Aborted => {}
                Entry::Spawned(handle) => spawned.push(handle.clone()),
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

/// A context of a unit test is gone.
impl Drop for Tasks {
    fn drop(&mut self) {
        self.close();
    }
}

/// One task: the user's future, polled and dropped in the scope of its service.
struct Task<F> {
    /// A task keeps neither: in a unit test of a hook it ends with the context.
    application: Weak<Application>,
    run: Weak<Run>,
    current: Current,
    span: SharedSpan,
    key: u64,
    kind: Kind,
    /// None once it has ended.
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
    /// Lets go of the future, whose destructor is the task's own code as well, and gets out.
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
                Kind::Own => failure::fail(&cx, Phase::Task, fault),
                Kind::Isolated => failure::note_isolated(&cx, fault),
            }
        }
        if self.kind == Kind::Isolated {
            cx.instance().make_isolated().ended();
        }
        cx.run().tasks.leave(self.key, self.kind);
    }
}

/// It was aborted, or the runtime ends.
impl<F> Drop for Task<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.end(Ok(()));
        }
    }
}
