//! Tells what happens: to the log, to observers and to subscriptions.
//!
//! # Invariants
//!
//! - Any thread tells. An event gets its number, is kept and is queued for each observer under the one lock, so
//!   all of them get the events in one order, each once.
//! - `is_observed` is set before the first reader is added and never cleared, so code that reads `false` tells
//!   of something that came before that reader. `Relaxed` is enough: the lock orders everything else.
//! - A subscription looks for its next event and takes the latch under the lock; an event takes that latch out
//!   under the same lock, and closes it afterwards. So either the subscription finds the event, or the event
//!   finds the latch. No wakers and no code of observers run under the lock.

mod log;
mod observer;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle as Runtime;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::log::{log, log_move};
pub(crate) use self::observer::Code;
use self::observer::Observer;
use crate::panics;
use crate::report::event::{Event, EventKind};
use crate::report::name::Name;
use crate::shared::latch::Latch;

/// How many events are kept for subscriptions. One that is further behind misses the oldest.
const KEPT: usize = 1024;

/// How long the end of the application waits for observers that have not seen all events.
const OBSERVER_GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Events {
    is_observed: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The number of the last event.
    last: u64,
    /// The last events, with numbers up to `last`; `None` while there never was a subscription.
    kept: Option<VecDeque<Event>>,
    observers: Vec<Arc<Observer>>,
    /// Closed at the next event; `None` while no subscription waits.
    next: Option<Arc<Latch>>,
    is_closed: bool,
}

impl Events {
    /// Whether an observer or a subscription receives events. If not, callers need not make them.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.is_observed.load(Ordering::Relaxed)
    }

    pub(crate) fn observe(&self, code: Code) {
        self.is_observed.store(true, Ordering::Relaxed);
        let observer = Observer::new(code);
        self.inner().observers.push(observer);
    }

    /// Tells of an event that happens now, on this runtime.
    pub(crate) fn tell(
        &self,
        service: Option<Name>,
        kind: EventKind,
        time: SystemTime,
        runtime: Option<&Runtime>,
    ) {
        // The caller may be on any thread. A paused clock can be read only inside its runtime.
        let entered = panics::catch(|| runtime.map(Runtime::enter));
        let at = Instant::now();
        drop(entered);
        let mut inner = self.inner();
        if inner.is_closed {
            return;
        }
        inner.last += 1;
        let event = Event {
            id: inner.last,
            service,
            at,
            time,
            kind,
        };
        for observer in &inner.observers {
            observer.push(event.clone());
        }
        let mut oldest = None;
        if let Some(kept) = &mut inner.kept {
            if kept.len() == KEPT {
                oldest = kept.pop_front();
            }
            kept.push_back(event);
        }
        let next = inner.next.take();
        drop(inner);
        // It may hold the last clone of an error, whose destructor is user code.
        drop(oldest);
        if let Some(next) = next {
            next.close();
        }
        if let Some(runtime) = runtime {
            self.begin_turns(runtime);
        }
    }

    /// Has observers handed what waits for them.
    pub(crate) fn begin_turns(&self, runtime: &Runtime) {
        for observer in self.observers() {
            observer.begin_turn(runtime);
        }
    }

    /// Resolves when the observers have seen all events, or are too slow to wait for.
    pub(crate) async fn seen(&self) {
        let until = Instant::now() + OBSERVER_GRACE;
        for observer in self.observers() {
            let _ = timeout_at(until, observer.seen()).await;
        }
    }

    /// No event follows.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.is_closed = true;
        let (observers, next) = (std::mem::take(&mut inner.observers), inner.next.take());
        drop(inner);
        // An observer is dropped here, or with the turn that is under way.
        drop(observers);
        if let Some(next) = next {
            next.close();
        }
    }

    /// A subscription to what follows the event with this number, or to what follows from now on.
    pub(crate) fn subscribe(&self, after: Option<u64>) -> Cursor {
        self.is_observed.store(true, Ordering::Relaxed);
        let mut inner = self.inner();
        inner.kept.get_or_insert_default();
        let last = inner.last;
        Cursor {
            seen: after.map_or(last, |after| after.min(last)),
            missed: 0,
        }
    }

    /// The next event of a subscription; `None` when none follows.
    pub(crate) async fn next(&self, cursor: &mut Cursor) -> Option<Event> {
        loop {
            let next = {
                let mut inner = self.inner();
                if let Some(event) = inner.after(cursor) {
                    return Some(event);
                }
                if inner.is_closed {
                    return None;
                }
                inner
                    .next
                    .get_or_insert_with(|| Arc::new(Latch::new()))
                    .clone()
            };
            next.closed().await;
        }
    }

    fn observers(&self) -> Vec<Arc<Observer>> {
        self.inner().observers.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a subscription is.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The number of the last event that it got.
    seen: u64,
    /// How many it has missed.
    pub(crate) missed: u64,
}

impl Inner {
    fn after(&self, cursor: &mut Cursor) -> Option<Event> {
        let kept = self.kept.as_ref()?;
        let first = kept.front()?.id;
        if cursor.seen + 1 < first {
            cursor.missed += first - (cursor.seen + 1);
            cursor.seen = first - 1;
        }
        let index = usize::try_from(cursor.seen + 1 - first).ok()?;
        let event = kept.get(index)?;
        cursor.seen = event.id;
        Some(event.clone())
    }
}
