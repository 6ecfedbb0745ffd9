//! The inbox of the supervisor: what the tasks of services report, and what handles ask, in the order of arrival. The
//! supervisor of a group has another one, for the requests of its members.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

use tokio::sync::oneshot;

use crate::panics;
use crate::report::error::RestartError;
use crate::shared::application::Application;
use crate::shared::members::Member;
use crate::shared::runner_news::{LeaseNews, RestartResult, RunnerNews, SupervisorEvent};

/// How many events the supervisor takes at once.
pub(crate) const BATCH: usize = 256;

/// How many batches the supervisor takes in one turn before it lets other tasks run.
const TURN: u8 = 128;

/// Open while there is a supervisor that reads it. A channel of tokio would do; but each service sends two events
/// in its life, and this takes less than half of the instructions.
///
/// # Invariants
///
/// - No wake-up is lost. The supervisor finds the list empty and leaves its waker under one lock, and an event is added
///   under the same lock, which takes the waker out. So either the supervisor sees the event, or the event finds the
///   waker.
/// - The waker is woken, and events are dropped, while the lock is free: an event may be the last owner of a waiting
///   call. Only the supervisor's task leaves a waker, and that task is polled by tokio alone, so to clone it under the
///   lock runs no foreign code.
/// - A closed inbox has neither events nor a waker, which would keep the runtime's memory.
#[derive(Debug)]
pub(crate) struct Inbox<T>(Mutex<Content<T>>);

#[derive(Debug)]
struct Content<T> {
    events: VecDeque<T>,
    reader: Option<Waker>,
    is_open: bool,
}

impl<T> Inbox<T> {
    pub(crate) fn open(&self) {
        self.content().is_open = true;
    }

    /// There is no supervisor any more: what is left is dropped, as is what comes.
    pub(crate) fn close(&self) {
        let mut content = self.content();
        content.is_open = false;
        let events = std::mem::take(&mut content.events);
        let reader = content.reader.take();
        drop(content);
        drop(reader);
        // An error is of the user.
        let _ = panics::drop_each(events);
    }

    pub(crate) fn send(&self, event: T) {
        let mut content = self.content();
        if !content.is_open {
            drop(content);
            drop(event);
            return;
        }
        content.events.push_back(event);
        let reader = content.reader.take();
        drop(content);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.content().events.is_empty()
    }

    fn content(&self) -> MutexGuard<'_, Content<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self(Mutex::new(Content {
            events: VecDeque::new(),
            reader: None,
            is_open: false,
        }))
    }
}

/// What the supervisor has taken from its inbox and not handled yet.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    events: VecDeque<T>,
    /// How many batches were taken since the supervisor last found none.
    in_a_row: u8,
}

impl<T> Backlog<T> {
    /// Ready when there are events. Only the supervisor's task calls this.
    pub(crate) fn poll_fill(&mut self, inbox: &Inbox<T>, task: &task::Context<'_>) -> Poll<()> {
        if self.events.is_empty() {
            // A burst grows the two lists; most of the time there are a few events.
            self.events.shrink_to(BATCH);
            let mut content = inbox.content();
            if content.events.is_empty() {
                self.in_a_row = 0;
                let known = content.reader.as_ref();
                if !known.is_some_and(|known| known.will_wake(task.waker())) {
                    content.reader = Some(task.waker().clone());
                }
                return Poll::Pending;
            }
            std::mem::swap(&mut content.events, &mut self.events);
        }
        if self.in_a_row == TURN {
            self.in_a_row = 0;
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.in_a_row += 1;
        Poll::Ready(())
    }

    /// The next events, at most a [`BATCH`].
    pub(crate) fn batch(&mut self) -> impl Iterator<Item = T> {
        let events = &mut self.events;
        std::iter::from_fn(|| events.pop_front()).take(BATCH)
    }

    /// The next event, if it is one of these.
    pub(crate) fn next_if(&mut self, fits: impl FnOnce(&T) -> bool) -> Option<T> {
        self.events.front().filter(|next| fits(next))?;
        self.events.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            in_a_row: 0,
        }
    }
}

impl Application {
    /// Has the supervisor look whether something is due.
    pub(crate) fn wake_for_alarm(&self) {
        self.inbox.send(SupervisorEvent::Alarm);
    }

    pub(crate) fn report(&self, service: usize, news: RunnerNews) {
        self.inbox.send(SupervisorEvent::Runner { service, news });
    }

    pub(crate) fn report_lease(&self, service: usize, news: LeaseNews) {
        self.inbox.send(SupervisorEvent::Lease { service, news });
    }

    /// Has the supervisor restart a service by hand.
    pub(crate) async fn restart(
        &self,
        service: usize,
        member: Option<Arc<Member>>,
        asker: Option<usize>,
    ) -> RestartResult {
        let (answer, answered) = oneshot::channel();
        // Without a supervisor the call is dropped: that is the answer too.
        self.inbox.send(SupervisorEvent::Restart {
            service,
            member,
            asker,
            answer,
        });
        answered.await.unwrap_or(Err(RestartError::Stopping))
    }

    /// Resolves when the supervisor has come to this question, and at once when there is none.
    pub(crate) async fn ping(&self) {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(SupervisorEvent::Ping(answer));
        let _ = answered.await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ready(service: usize) -> SupervisorEvent {
        let news = RunnerNews::Ready;
        SupervisorEvent::Runner { service, news }
    }

    fn open() -> Inbox<SupervisorEvent> {
        let inbox = Inbox::default();
        inbox.open();
        inbox
    }

    fn services(backlog: &mut Backlog<SupervisorEvent>) -> Vec<usize> {
        let service = |event: SupervisorEvent| match event {
            SupervisorEvent::Runner { service, .. } => service,
            _ => usize::MAX,
        };
        backlog.batch().map(service).collect()
    }

    #[test]
    fn events_come_in_order_a_batch_at_a_time() {
        let inbox = open();
        (0..BATCH + 2).for_each(|service| inbox.send(ready(service)));
        let mut backlog = Backlog::default();
        let task = Context::from_waker(Waker::noop());
        assert!(backlog.poll_fill(&inbox, &task).is_ready());
        assert_eq!(services(&mut backlog), (0..BATCH).collect::<Vec<_>>());
        inbox.send(ready(BATCH + 2));
        assert!(backlog.poll_fill(&inbox, &task).is_ready());
        assert_eq!(services(&mut backlog), [BATCH, BATCH + 1]);
        assert!(backlog.is_empty() && !inbox.is_empty());
        assert!(backlog.poll_fill(&inbox, &task).is_ready());
        assert_eq!(services(&mut backlog), [BATCH + 2]);
        assert!(backlog.poll_fill(&inbox, &task).is_pending());
    }

    #[test]
    fn the_reader_is_woken_once_for_each_wait_and_let_go_of_at_the_end() {
        let counts = Arc::new(Counts::default());
        let waker = Waker::from(counts.clone());
        let task = Context::from_waker(&waker);
        let inbox = open();
        let mut backlog = Backlog::default();
        assert!(backlog.poll_fill(&inbox, &task).is_pending());
        inbox.send(ready(0));
        inbox.send(ready(1));
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        assert!(backlog.poll_fill(&inbox, &task).is_ready());
        assert_eq!(services(&mut backlog), [0, 1]);
        assert!(backlog.poll_fill(&inbox, &task).is_pending());
        inbox.close();
        inbox.send(ready(2));
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        assert!(inbox.is_empty());
        drop(waker);
        assert_eq!(Arc::strong_count(&counts), 1);
    }

    #[test]
    fn a_reader_that_always_finds_events_lets_other_tasks_run() {
        let counts = Arc::new(Counts::default());
        let waker = Waker::from(counts.clone());
        let task = Context::from_waker(&waker);
        let inbox = open();
        let mut backlog = Backlog::default();
        for _ in 0..TURN {
            inbox.send(ready(0));
            assert!(backlog.poll_fill(&inbox, &task).is_ready());
            assert_eq!(services(&mut backlog), [0]);
        }
        inbox.send(ready(1));
        assert!(backlog.poll_fill(&inbox, &task).is_pending());
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        assert!(backlog.poll_fill(&inbox, &task).is_ready());
        assert_eq!(services(&mut backlog), [1]);
    }
}
