//! What the supervisor's loop waits for.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Supervisor;
use crate::panics::{self, Panic};
use crate::run::systemd::Systemd;
use crate::shared::application::Application;
use crate::shared::inbox::Backlog;
use crate::shared::latch::Closed;
use crate::shared::runner_news::SupervisorEvent;

/// Why the loop of [`Supervisor::run`] goes on.
pub(super) enum Wake {
    Events,
    Requested,
    StopCalled,
    Cut,
    External(Result<(), Panic>),
    Members,
    Alarm,
}

/// What the loop waits for beside its inbox.
///
/// # Invariants
///
/// Only the supervisor's task polls these, and wakers of one task all wake it. So each source is polled until it has a
/// waker, and from then on only asked whether it is due: to leave a waker anew for each event would be most of what an
/// event costs. A source that is due after that question wakes the task by the waker that it has.
pub(super) struct Sources<'a, 'p> {
    pub(super) request: Source<'a>,
    stop: Source<'a>,
    cut: Source<'a>,
    /// When the loop is woken for an alarm: at the next one, or sooner. `None` while there is none, so that no
    /// timer is left for the runtime.
    sleep: Pin<&'p mut Option<Sleep>>,
    /// The instant that the timer is still to be set to.
    unset: Option<Instant>,
    /// The other tasks have had a turn since.
    has_yielded: bool,
}

/// A latch. It closes only once, so the loop hears of it once.
pub(super) struct Source<'a> {
    closed: Closed<'a>,
    pub(super) is_seen: bool,
}

impl<'a> Source<'a> {
    fn new(closed: Closed<'a>) -> Self {
        let is_seen = false;
        Self { closed, is_seen }
    }

    /// Whether the latch is closed, and was not when this was asked before.
    fn has_closed(&mut self, task: &mut task::Context<'_>) -> bool {
        if self.is_seen {
            return false;
        }
        self.is_seen = if self.closed.has_waker() {
            self.closed.is_closed()
        } else {
            Pin::new(&mut self.closed).poll(task).is_ready()
        };
        self.is_seen
    }
}

impl<'a, 'p> Sources<'a, 'p> {
    pub(super) fn of(application: &'a Application, sleep: Pin<&'p mut Option<Sleep>>) -> Self {
        Self {
            request: Source::new(application.request.closed()),
            stop: Source::new(application.stop.closed()),
            cut: Source::new(application.cut.closed()),
            sleep,
            unset: None,
            has_yielded: false,
        }
    }

    /// The next alarm is at this instant. A timer that is due sooner is left: services that start one after the other
    /// have alarms one after the other, and none of them comes.
    fn set_alarm(&mut self, next: Option<Instant>) {
        if next.is_none() {
            self.sleep.set(None);
        }
        let set = self.sleep.as_ref().as_pin_ref();
        let set = set.filter(|sleep| !sleep.is_elapsed());
        let is_in_time = |next: &Instant| set.is_some_and(|set| set.deadline() <= *next);
        self.unset = next.filter(|next| !is_in_time(next));
        self.has_yielded = false;
    }

    /// Whether the timer is due. Sets it only after a turn of the other tasks: what starts or stops at once has no
    /// alarm by then, and a timer would cost more than all else of its start or stop does here. Meanwhile the loop has
    /// looked for alarms itself.
    fn has_alarm(&mut self, task: &mut task::Context<'_>) -> bool {
        let Some(at) = self.unset else {
            let set = self.sleep.as_ref().as_pin_ref();
            return set.is_some_and(|sleep| sleep.is_elapsed());
        };
        if !std::mem::replace(&mut self.has_yielded, true) {
            task.waker().wake_by_ref();
            return false;
        }
        self.unset = None;
        match self.sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.reset(at),
            None => self.sleep.set(Some(sleep_until(at))),
        }
        let set = self.sleep.as_mut().as_pin_mut();
        // A poll that tokio's budget for this task puts off would leave no waker.
        set.is_some_and(|sleep| Pin::new(&mut unconstrained(sleep)).poll(task).is_ready())
    }
}

impl Supervisor {
    /// Sets the timer for the next alarm.
    pub(super) fn set_alarm(&mut self, sources: &mut Sources<'_, '_>) {
        let alarm = self.engine.next_alarm();
        if sources.request.is_seen {
            self.tell_alarm(alarm);
        }
        let due = self.systemd.as_ref().and_then(Systemd::due);
        sources.set_alarm(alarm.into_iter().chain(due).min());
    }

    pub(super) fn poll_wake(
        &mut self,
        sources: &mut Sources<'_, '_>,
        backlog: &mut Backlog<SupervisorEvent>,
        task: &mut task::Context<'_>,
    ) -> Poll<Wake> {
        // Before the events: a service that is ready now must not start its dependents.
        if sources.request.has_closed(task) {
            return Poll::Ready(Wake::Requested);
        }
        if backlog.poll_fill(&self.application.inbox, task).is_ready() {
            return Poll::Ready(Wake::Events);
        }
        // The owner requests a stop before it closes `stop`, so the request is handled first.
        if sources.request.is_seen && sources.stop.has_closed(task) {
            return Poll::Ready(Wake::StopCalled);
        }
        if sources.stop.is_seen && sources.cut.has_closed(task) {
            return Poll::Ready(Wake::Cut);
        }
        if let Some(external) = &mut self.stop_on {
            if let Poll::Ready(ended) = panics::catch_poll(external.as_mut(), task) {
                return Poll::Ready(Wake::External(ended));
            }
        }
        if let Some(members) = &mut self.members {
            if members.poll_requests(task).is_ready() {
                return Poll::Ready(Wake::Members);
            }
        }
        if sources.has_alarm(task) {
            return Poll::Ready(Wake::Alarm);
        }
        Poll::Pending
    }
}
