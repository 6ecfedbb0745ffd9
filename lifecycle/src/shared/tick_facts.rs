//! The ticks of one service as the rest of the program sees them: facts for probes, and the calls by
//! which one is asked for, or the end of all.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::panics;
use crate::report::error::{OptionError, TriggerError};
use crate::report::status::TickStatus;

/// What a tick came to: what its error said, if it failed.
pub(crate) type TickResult = Result<(), Arc<str>>;

/// Those who have asked for the tick that now begins.
pub(crate) struct Askers(Vec<Asker>);

type Asker = oneshot::Sender<TickResult>;

impl Askers {
    #[inline]
    pub(crate) fn answer(self, result: &TickResult) {
        if !self.0.is_empty() {
            self.answer_each(result);
        }
    }

    fn answer_each(mut self, result: &TickResult) {
        for asker in mem::take(&mut self.0) {
            // One that no longer listens has lost interest; one whose waker panics has its answer.
            let _ = panics::catch(|| asker.send(result.clone()));
        }
    }
}

/// The tick was dropped: whoever asked for it is told, one by one.
impl Drop for Askers {
    #[inline]
    fn drop(&mut self) {
        // Nearly always.
        if self.0.is_empty() {
            return;
        }
        let _ = panics::drop_each(mem::take(&mut self.0));
    }
}

/// Kept in the service's instance, over all its runs. What a tick touches is kept small: an application may have
/// thousands.
///
/// # Invariants
///
/// Two things end the loop's sleep besides its timer: a tick that is asked for, and the stop of its run. Each is
/// written first (`is_asked` here, the stop channel of the run), and then the loop's waker is cloned under the
/// lock and called. The loop stores its waker under that lock and reads both afterwards, so each is either
/// seen by that look or wakes it. A wake-up that finds neither changes nothing.
#[derive(Debug, Default)]
pub(crate) struct TickFacts {
    /// A tick is asked for, and waited for.
    is_asked: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    count: u64,
    last_start: Option<Instant>,
    last_end: Option<Instant>,
    /// When the last tick that has ended began.
    began: Option<Instant>,
    next_due: Option<Instant>,
    in_flight: bool,
    /// No tick will ever run again.
    closed: bool,
    /// Since there was one.
    troubles: Option<Box<Troubles>>,
    /// Those who have asked for the next tick.
    waiting: Vec<Asker>,
    /// What wakes the loop.
    waker: Option<Waker>,
}

/// What most services never have.
#[derive(Debug, Default)]
struct Troubles {
    failures: u64,
    failures_in_a_row: u64,
    last_failure: Option<Arc<str>>,
    /// Why the schedule does not go by what the service says now, and that as a sentence.
    refused: Option<(OptionError, Arc<str>)>,
}

impl Inner {
    /// When there is no room for one more, takes out those who have lost interest, so that a tick that
    /// hangs does not gather them.
    fn take_gone(&mut self) -> Vec<Asker> {
        if self.waiting.len() < self.waiting.capacity() {
            return Vec::new();
        }
        let (gone, waiting) = mem::take(&mut self.waiting)
            .into_iter()
            .partition(Asker::is_closed);
        self.waiting = waiting;
        gone
    }

    fn end(&mut self, at: Instant, due: Option<Instant>) {
        self.began = self.last_start;
        self.in_flight = false;
        self.count += 1;
        self.last_end = Some(at);
        self.next_due = due;
    }
}

impl TickFacts {
    pub(crate) fn status(&self) -> TickStatus {
        let inner = self.inner();
        let took = |(began, end): (_, Instant)| end.saturating_duration_since(began);
        let troubles = inner.troubles.as_deref();
        TickStatus {
            count: inner.count,
            failures: troubles.map_or(0, |troubles| troubles.failures),
            consecutive_failures: troubles.map_or(0, |troubles| troubles.failures_in_a_row),
            last_start: inner.last_start,
            last_end: inner.last_end,
            last_duration: inner.began.zip(inner.last_end).map(took),
            last_error: troubles.and_then(|troubles| troubles.last_failure.clone()),
            next_due: inner.next_due,
            in_flight: inner.in_flight,
        }
    }

    /// Why the service is degraded: its schedule can't be followed, or its last tick has failed.
    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        let inner = self.inner();
        let troubles = inner.troubles.as_deref()?;
        match &troubles.refused {
            Some((_, sentence)) => Some(sentence.clone()),
            None => troubles
                .last_failure
                .clone()
                .filter(|_| troubles.failures_in_a_row > 0),
        }
    }

    /// The schedule goes on as before, for what the service says now can't be followed. Returns the
    /// sentence that says so, when it is a new one.
    pub(crate) fn refuse(&self, error: OptionError) -> Option<Arc<str>> {
        let mut inner = self.inner();
        let troubles = inner.troubles.get_or_insert_default();
        if matches!(&troubles.refused, Some((before, _)) if *before == error) {
            return None;
        }
        let sentence: Arc<str> = error.to_string().into();
        troubles.refused = Some((error, sentence.clone()));
        Some(sentence)
    }

    /// The schedule goes by what the service says. Returns whether it did not before.
    pub(crate) fn accept(&self) -> bool {
        let mut inner = self.inner();
        let troubles = inner.troubles.as_deref_mut();
        troubles.is_some_and(|troubles| troubles.refused.take().is_some())
    }

    #[inline]
    pub(crate) fn planned(&self, due: Option<Instant>) {
        self.inner().next_due = due;
    }

    /// A tick begins. It is the one of those who have asked by now.
    #[inline]
    pub(crate) fn begun(&self, at: Instant) -> Askers {
        let mut inner = self.inner();
        inner.last_start = Some(at);
        inner.in_flight = true;
        inner.next_due = None;
        if inner.waiting.is_empty() {
            return Askers(Vec::new());
        }
        self.is_asked.store(false, Ordering::Release);
        Askers(mem::take(&mut inner.waiting))
    }

    /// The tick in flight has ended well; when the next one is due.
    #[inline]
    pub(crate) fn succeeded(&self, at: Instant, due: Option<Instant>) {
        let mut inner = self.inner();
        inner.end(at, due);
        if let Some(troubles) = &mut inner.troubles {
            troubles.failures_in_a_row = 0;
        }
    }

    /// The tick in flight has failed. Returns how many have in a row.
    pub(crate) fn failed(&self, at: Instant, due: Option<Instant>, error: Arc<str>) -> u64 {
        let mut inner = self.inner();
        inner.end(at, due);
        let troubles = inner.troubles.get_or_insert_default();
        troubles.failures += 1;
        troubles.failures_in_a_row += 1;
        troubles.last_failure = Some(error);
        troubles.failures_in_a_row
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

    /// Where the answer will be.
    fn ask(&self) -> Result<oneshot::Receiver<TickResult>, TriggerError> {
        let (asker, answer) = oneshot::channel();
        let mut inner = self.inner();
        if inner.closed {
            return Err(TriggerError::Stopped);
        }
        let gone = inner.take_gone();
        inner.waiting.push(asker);
        self.is_asked.store(true, Ordering::Release);
        // They may run code of others.
        drop(inner);
        let _ = panics::drop_each(gone);
        Ok(answer)
    }

    /// Whether a tick is asked for.
    #[inline]
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }

    /// A run begins: there will be ticks, if there were none any more.
    pub(crate) fn open(&self) {
        self.inner().closed = false;
    }

    /// Wakes this task at the next call. Callers must look again for one after registering.
    pub(crate) fn listen(&self, waker: &Waker) {
        let before = self.inner().waker.replace(waker.clone());
        drop(before);
    }

    /// There will be no more ticks: whoever waits for one is told.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        inner.in_flight = false;
        inner.next_due = None;
        let waiting = mem::take(&mut inner.waiting);
        // A `Waker` keeps its task's allocation alive.
        let waker = inner.waker.take();
        // Both may run code of others.
        drop(inner);
        let _ = panics::drop_each(waiting);
        let _ = panics::catch(|| drop(waker));
    }

    /// Lets the loop have a look.
    pub(crate) fn wake(&self) {
        let waker = self.inner().waker.clone();
        if let Some(waker) = waker {
            panics::wake(waker);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("count", &self.count)
            .field("waiting", &self.waiting.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::Wake;

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn once_closed_they_keep_no_task() {
        let (ticks, task) = (TickFacts::default(), Arc::new(Task));
        ticks.listen(&task.clone().into());
        assert_eq!(Arc::strong_count(&task), 2);
        ticks.close();
        assert_eq!(Arc::strong_count(&task), 1);
    }
    #[test]
    fn an_asker_that_loses_interest_leaves_nothing_behind() {
        let ticks = TickFacts::default();
        let mut task = std::task::Context::from_waker(Waker::noop());
        for _ in 0..1_000 {
            let mut asked = Box::pin(ticks.trigger());
            assert!(asked.as_mut().poll(&mut task).is_pending());
        }
        assert!(ticks.inner().waiting.len() <= 4);
        assert!(ticks.is_asked(), "the tick is still to come");
    }
}
