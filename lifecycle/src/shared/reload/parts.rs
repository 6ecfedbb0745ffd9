//! The reload of one run: its code is asked to reload, and answers.
//!
//! # Invariants
//!
//! The reload of the application asks one run at a time; the code of the run takes part where it has something
//! to reload, on any thread.
//!
//! - `round` is odd while the run reloads. It is written under the lock and read without it. A part joins,
//!   registers its waker, answers and leaves under the lock; so a part that has joined counts in `pending` of
//!   every later round until it has answered or left, and the last of them completes the round.
//! - No wake-up is lost: a part registers its waker and reads `round` afterwards. `ask` and `end` write `round`
//!   and take the wakers afterwards, under the same lock. So either the part reads the round, or its waker is
//!   found. Wakers stay registered for as long as the part polls with them.
//! - Wakers are woken, and errors are dropped, while the lock is free.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Waker};

use tokio::sync::oneshot;

use crate::panics;
use crate::report::error::Fault;

/// What the code of one run answers: all that has failed in it.
pub(crate) type Answer = Vec<Fault>;

#[derive(Debug, Default)]
pub(crate) struct Reload {
    round: AtomicU32,
    inner: Mutex<Inner>,
}

/// The number of the runner's part.
const RUNNER: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Inner {
    /// The parts, and the waker of each that has been polled.
    parts: BTreeMap<u32, Option<Waker>>,
    next: u32,
    /// Whether the runner has been told to take part.
    has_runner: bool,
    /// The parts that have not answered in this round.
    pending: Vec<u32>,
    faults: Answer,
    answer: Option<oneshot::Sender<Answer>>,
    /// Why the last reload failed, if it did.
    failed: Option<Arc<str>>,
}

impl Reload {
    /// Asks the code of the run to reload. The answer comes when all parts have answered or left.
    ///
    /// The runner of a hand-written service takes part from the first time on: the second value says that it
    /// must be ordered to.
    pub(crate) fn ask(&self, is_custom: bool) -> (oneshot::Receiver<Answer>, bool) {
        let (answer, answered) = oneshot::channel();
        let mut inner = self.inner();
        let needs_order = is_custom && !mem::replace(&mut inner.has_runner, true);
        if needs_order {
            inner.parts.insert(RUNNER, None);
        }
        inner.pending = inner.parts.keys().copied().collect();
        inner.answer = Some(answer);
        self.round.fetch_add(1, Ordering::Release);
        let told = inner.take_told();
        let wakers = inner.wakers();
        drop(inner);
        tell(told);
        wakers.into_iter().for_each(panics::wake);
        (answered, needs_order)
    }

    /// The round is over. Hooks that are still under way are dropped.
    pub(crate) fn end(&self) {
        let mut inner = self.inner();
        self.round.fetch_add(1, Ordering::Release);
        let has_late = !mem::take(&mut inner.pending).is_empty();
        let (answer, faults) = (inner.answer.take(), mem::take(&mut inner.faults));
        let wakers = if has_late { inner.wakers() } else { Vec::new() };
        drop(inner);
        drop((answer, faults));
        wakers.into_iter().for_each(panics::wake);
    }

    /// Shows why the last reload failed, or that it did not. Returns whether it had failed before.
    pub(crate) fn show(&self, failed: Option<Arc<str>>) -> bool {
        let before = mem::replace(&mut self.inner().failed, failed);
        before.is_some()
    }

    pub(crate) fn failed(&self) -> Option<Arc<str>> {
        self.inner().failed.clone()
    }

    /// One more part of the code reloads from now on, with the next round.
    pub(crate) fn join(&self) -> Part<'_> {
        let mut inner = self.inner();
        let number = inner.next;
        inner.next += 1;
        inner.parts.insert(number, None);
        Part {
            reload: self,
            number,
            seen: self.round.load(Ordering::Acquire),
            registered: None,
        }
    }

    /// The part of the runner, which counts already: it was ordered to take part.
    pub(crate) fn runner(&self) -> Part<'_> {
        Part {
            reload: self,
            number: RUNNER,
            seen: 0,
            registered: None,
        }
    }

    fn leave(&self, number: u32) {
        let mut inner = self.inner();
        let waker = inner.parts.remove(&number);
        inner.pending.retain(|part| *part != number);
        let told = inner.take_told();
        drop(inner);
        tell(told);
        let _ = panics::catch(|| drop(waker));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Told = Option<(oneshot::Sender<Answer>, Answer)>;

impl Inner {
    /// The answer, if no part still owes one.
    fn take_told(&mut self) -> Told {
        let answer = self.answer.take_if(|_| self.pending.is_empty())?;
        Some((answer, mem::take(&mut self.faults)))
    }

    fn wakers(&self) -> Vec<Waker> {
        self.parts.values().flatten().cloned().collect()
    }
}

fn tell(told: Told) {
    if let Some((answer, faults)) = told {
        // An error means that the reload was given up. Its faults are dropped, which is user code.
        let _ = panics::catch(|| drop(answer.send(faults)));
    }
}

/// Code of a run that has something to reload. Dropping it leaves.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    reload: &'a Reload,
    number: u32,
    seen: u32,
    registered: Option<Waker>,
}

/// What the part does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Go on.
    Same,
    /// Call the hook.
    Begin,
    /// Drop the hook: its time is over.
    Drop,
}

impl Part<'_> {
    /// Whether the hook is to be called or dropped. `task` is woken when that changes.
    pub(crate) fn turn(&mut self, task: &task::Context<'_>) -> Turn {
        let is_registered = |waker: &Waker| waker.will_wake(task.waker());
        if !self.registered.as_ref().is_some_and(is_registered) {
            self.register(task.waker());
        }
        let round = self.reload.round.load(Ordering::Acquire);
        if mem::replace(&mut self.seen, round) == round {
            Turn::Same
        } else if round % 2 == 1 {
            Turn::Begin
        } else {
            Turn::Drop
        }
    }

    fn register(&mut self, waker: &Waker) {
        self.registered = Some(waker.clone());
        let waker = Some(waker.clone());
        let before = self.reload.inner().parts.insert(self.number, waker);
        drop(before);
    }

    /// The hook has returned.
    pub(crate) fn answer(&self, fault: Option<Fault>) {
        let mut inner = self.reload.inner();
        let owes = inner.pending.contains(&self.number);
        inner.pending.retain(|part| *part != self.number);
        let left = match fault {
            Some(fault) if owes => {
                inner.faults.push(fault);
                None
            }
            fault => fault,
        };
        let told = inner.take_told();
        drop(inner);
        tell(told);
        let _ = panics::catch(|| drop(left));
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.reload.leave(self.number);
    }
}
