//! The ticks of one service as the rest of the program sees them: facts for probes, and the calls that
//! trigger a tick.

mod gaps;
mod record;
mod shown;
mod troubles;

use std::fmt;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::SystemTime;

use tokio::sync::oneshot;

use self::record::Record;
use self::troubles::{MemoryFacts, Problems};
use crate::panics;
use crate::report::error::TriggerError;
use crate::shared::trigger_calls::{TickResult, TriggerCall, TriggerCalls};
use crate::sync::{AtomicU8, Mutex, MutexGuard};
use crate::time::moment::{Epoch, Moment};
use crate::time::outlook::Outlook;
use crate::time::point::Point;

/// Kept in the service's instance, over all its runs. The fields that a tick touches are few, because an
/// application may have thousands of schedules.
///
/// # Invariants
///
/// The loop, the calls of `trigger` and the supervisor meet here, on any thread.
///
/// - No wake-up is lost. Besides its timer, these events wake the loop: a call of `trigger`, a resume, the wish
///   that it reads the service's values, and the stop of its run. Each is written first (as a bit of `signals`
///   here, as the stop channel in the run), and then the loop's waker is cloned under the lock and woken. The
///   loop stores its waker under the same lock and reads both afterwards. If the loop takes the lock first, the
///   event finds its waker. If the event takes it first, the loop reads the event. A wake-up that finds neither
///   changes nothing.
/// - The bits of `signals` are set and cleared under the lock: `ASKED` together with the list of the waiting
///   calls, so that no call is left behind, and `PAUSED` so that a tick that is due begins before it, and is in
///   flight, or not at all. The loop reads them without the lock; a stale read is followed by the wake-up.
/// - A call is refused once `closed` is set, and `close` answers all calls before that, both under the lock.
///   So each call gets an answer.
/// - No user code runs under the lock, except the clone of a waker. Senders are dropped and wakers are woken
///   after it is released.
///
/// The package `loom` tries all this in every order of the threads.
#[derive(Debug, Default)]
pub(crate) struct TickFacts {
    /// What the loop has to know, as bits.
    signals: AtomicU8,
    inner: Mutex<Inner>,
}

/// Calls of `trigger` wait for a tick.
const ASKED: u8 = 1;
/// No tick begins by itself.
const PAUSED: u8 = 2;
/// The schedule was paused and no longer is.
const RESUMED: u8 = 4;
/// The service's values are to be read now.
const READ_AGAIN: u8 = 8;

/// What the loop of a schedule has to know, as it was at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals(u8);

impl Signals {
    /// The usual case: there is nothing that it has to know.
    #[inline]
    pub(crate) fn are_none(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) fn is_asked(self) -> bool {
        self.0 & ASKED != 0
    }

    #[inline]
    pub(crate) fn is_resumed(self) -> bool {
        self.0 & RESUMED != 0
    }

    #[inline]
    pub(crate) fn must_read(self) -> bool {
        self.0 & READ_AGAIN != 0
    }
}

#[derive(Default)]
struct Inner {
    record: Record,
    /// `None` until the schedule is up for the first time.
    outlook: Option<Outlook>,
    /// No tick will run again in this run.
    closed: bool,
    /// `None` until a tick fails or a value is refused, which most services never see.
    problems: Option<Box<Problems>>,
    /// Of a schedule that is remembered.
    memory: Option<Box<MemoryFacts>>,
    /// The calls of `trigger` that wait for the next tick.
    waiting: Vec<TriggerCall>,
    /// The waker of the loop.
    waker: Option<Waker>,
}

impl Inner {
    /// If there is no room for one more call, takes out the dropped ones, so that they don't pile up
    /// while a tick hangs.
    fn take_dropped(&mut self) -> Vec<TriggerCall> {
        if self.waiting.len() < self.waiting.capacity() {
            return Vec::new();
        }
        let (dropped, waiting) = mem::take(&mut self.waiting)
            .into_iter()
            .partition(TriggerCall::is_closed);
        self.waiting = waiting;
        dropped
    }
}

impl TickFacts {
    /// When the next tick is due.
    #[inline]
    pub(crate) fn planned(&self, due: Moment) {
        self.inner().record.next_due = due;
    }

    /// A tick begins, for this point or because it was asked for. Adds the calls of `trigger` that wait now to those
    /// that it will answer. `false`: there is none, because it was not asked for and the schedule is paused.
    ///
    /// `wall` is what the wall clock shows, if it was read.
    #[inline]
    pub(crate) fn begun(
        &self,
        at: Moment,
        wall: Option<SystemTime>,
        point: Option<Point>,
        calls: &mut TriggerCalls,
    ) -> bool {
        let mut inner = self.inner();
        if point.is_some() && self.is_paused() {
            return false;
        }
        inner.record.begin(at, wall, point);
        if !inner.waiting.is_empty() {
            self.signals.fetch_and(!ASKED, Ordering::Release);
            calls.take_from(&mut inner.waiting);
        }
        true
    }

    /// The tick in flight has succeeded. `due` is the moment of the next one.
    #[inline]
    pub(crate) fn succeeded(&self, at: Moment, due: Moment) {
        let mut inner = self.inner();
        inner.record.end(at, due, None);
        if let Some(problems) = &mut inner.problems {
            problems.failures_in_a_row = 0;
        }
    }

    /// The tick in flight has failed. Returns how many ticks have failed in a row.
    pub(crate) fn failed(&self, at: Moment, due: Moment, error: Arc<str>) -> u64 {
        let mut inner = self.inner();
        inner.record.end(at, due, Some(error.clone()));
        let problems = inner.problems.get_or_insert_default();
        problems.failures += 1;
        problems.failures_in_a_row += 1;
        problems.last_failure = Some(error);
        problems.failures_in_a_row
    }

    /// Asks for a tick that begins from now on, and waits for it.
    pub(crate) async fn trigger(&self) -> Result<(), TriggerError> {
        let answer = self.ask()?;
        self.wake();
        match answer.await {
            Ok(result) => result.map_err(TriggerError::Failed),
            Err(_) => Err(TriggerError::Stopped),
        }
    }

    /// Notes a call of `trigger`. The receiver gets its answer.
    fn ask(&self) -> Result<oneshot::Receiver<TickResult>, TriggerError> {
        let (call, answer) = oneshot::channel();
        let mut inner = self.inner();
        if inner.closed {
            return Err(TriggerError::Stopped);
        }
        let dropped = inner.take_dropped();
        inner.waiting.push(call);
        self.signals.fetch_or(ASKED, Ordering::Release);
        // Dropping a sender may run a waker, which is user code.
        drop(inner);
        let _ = panics::drop_each(dropped);
        Ok(answer)
    }

    /// Whether no tick begins by itself.
    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.signals().0 & PAUSED != 0
    }

    /// What the loop has to know now.
    #[inline]
    pub(crate) fn signals(&self) -> Signals {
        Signals(self.signals.load(Ordering::Acquire))
    }

    /// What the loop was told since it called this last: it does that now.
    pub(crate) fn hear(&self) -> Signals {
        let inner = self.inner();
        let told = self
            .signals
            .fetch_and(!(RESUMED | READ_AGAIN), Ordering::AcqRel);
        drop(inner);
        Signals(told)
    }

    /// No tick begins by itself from now on, also in later runs. Returns whether that is new.
    pub(crate) fn pause(&self) -> bool {
        let inner = self.inner();
        let before = self.signals.fetch_or(PAUSED, Ordering::AcqRel);
        drop(inner);
        before & PAUSED == 0
    }

    /// Ticks begin by themselves again. Returns whether that is new.
    pub(crate) fn resume(&self) -> bool {
        let inner = self.inner();
        let is_new = self.signals.fetch_and(!PAUSED, Ordering::AcqRel) & PAUSED != 0;
        if is_new {
            self.signals.fetch_or(RESUMED, Ordering::AcqRel);
        }
        drop(inner);
        if is_new {
            self.wake();
        }
        is_new
    }

    /// The loop reads the service's values now; if a tick is in flight, at its end.
    pub(crate) fn read_again(&self) {
        let inner = self.inner();
        self.signals.fetch_or(READ_AGAIN, Ordering::AcqRel);
        drop(inner);
        self.wake();
    }

    /// A run begins. What the schedule of an earlier one has refused, and failed at in a row, is over.
    pub(crate) fn open_run(&self) {
        let mut inner = self.inner();
        inner.closed = false;
        if let Some(problems) = &mut inner.problems {
            problems.failures_in_a_row = 0;
            problems.refused = None;
        }
        inner.memory = None;
    }

    /// A run begins, or will: calls of `trigger` are accepted again.
    pub(crate) fn open(&self) {
        self.inner().closed = false;
    }

    /// The loop of a run begins. Its moments are counted from this epoch, that of the application.
    pub(crate) fn open_loop(&self, epoch: Epoch) {
        let mut inner = self.inner();
        inner.closed = false;
        inner.record.epoch = Some(epoch);
    }

    /// What the ticks after the next one are counted from, from now on.
    pub(crate) fn look_ahead(&self, outlook: Outlook) {
        // Dropped after the lock is released.
        let _before = self.inner().outlook.replace(outlook);
    }

    /// Wakes this task at the next call. Callers must check `is_asked` again after this.
    pub(crate) fn listen(&self, waker: &Waker) {
        let before = self.inner().waker.replace(waker.clone());
        drop(before);
    }

    /// There will be no more ticks: each call that waits for one gets an error.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        inner.record.close();
        let waiting = mem::take(&mut inner.waiting);
        self.signals.fetch_and(!ASKED, Ordering::Release);
        // A `Waker` keeps its task's allocation alive.
        let waker = inner.waker.take();
        // Both may run user code, so the lock is released first.
        drop(inner);
        let _ = panics::drop_each(waiting);
        let _ = panics::catch(|| drop(waker));
    }

    /// Wakes the loop, so that it checks for a call and for the stop.
    pub(crate) fn wake(&self) {
        let waker = self.inner().waker.clone();
        if let Some(waker) = waker {
            panics::wake(waker);
        }
    }

    #[inline]
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("record", &self.record)
            .field("waiting", &self.waiting.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
