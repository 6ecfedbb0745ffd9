//! A registered service: its name, shape and policy, the state that others see, and the counts of all its
//! runs. The state of one run is in its [`Run`].
//!
//! # Invariants
//!
//! Only the supervisor writes the state, the first error and the current run. The service's task writes the
//! shape, the ticks and the queue, and also counts failures.
//!
//! - The shape is written with `Release` after `ticks` or `queue` was set, and read with `Acquire`. So code
//!   that reads `Scheduled` or `Queue` finds what belongs to it.
//! - The counts of failures are only sums, so `Relaxed` is enough. Two threads may both see the last free
//!   place, so the service's task may report a few failures more than are kept; the supervisor, which alone
//!   keeps them, counts exactly.
//! - No user code runs under the lock of `run`: the run that is replaced is dropped after it is released.
//! - No pause is lost when a registry that is a service is restarted. Its next application is shown under the lock
//!   of `inner`, after what is paused in the one before is paused in it. Code that pauses or resumes looks
//!   its schedule up again afterwards, by way of the same lock. If it finds the same one, that change came before the
//!   new application was shown, and was taken over; else it makes the change in the new one.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::panics;
use crate::report::error::{ServiceError, Unfinished};
use crate::report::name::Name;
use crate::report::status::OnFailure;
use crate::report::status::{Phase, ServiceStatus, Shape, State};
use crate::shared::application::Application;
use crate::shared::isolated::IsolatedTasks;
use crate::shared::moments::Moments;
use crate::shared::orders::Orders;
use crate::shared::queue_counts::QueueCounts;
use crate::shared::restarts::{Facts, RestartFacts};
use crate::shared::run::Run;
use crate::shared::tick_facts::TickFacts;

/// What its failure means, without room for a restart where there is none.
#[derive(Debug)]
enum Policy {
    Shutdown,
    Ignore,
    Other(Box<OnFailure>),
}

impl Policy {
    fn new(policy: OnFailure) -> Self {
        match policy {
            OnFailure::Shutdown => Self::Shutdown,
            OnFailure::Ignore => Self::Ignore,
            policy => Self::Other(Box::new(policy)),
        }
    }
}

/// The applications of a service that is a registry.
#[derive(Debug, Default)]
struct InnerRuns {
    now: Option<Arc<Application>>,
    /// The last one of the same service in an earlier run of the registry around it, until this one shows its own.
    before: Option<Arc<Application>>,
}

/// Allocates what a service of this shape keeps in its instance.
fn make_room(shape: Shape, ticks: &OnceLock<Box<TickFacts>>, queue: &OnceLock<Box<QueueCounts>>) {
    match shape {
        Shape::Scheduled => {
            ticks.get_or_init(Box::default);
        }
        Shape::Queue => {
            queue.get_or_init(Box::default);
        }
        _ => {}
    }
}

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: Name,
    shape: AtomicU8,
    policy: Policy,
    state: AtomicU8,
    /// Set before the start if it is not to be started: its state shows that only once the start goes on.
    pub(crate) disabled: OnceLock<()>,
    /// Set for a scheduled service.
    ticks: OnceLock<Box<TickFacts>>,
    /// Set for a queue.
    queue: OnceLock<Box<QueueCounts>>,
    /// The current run, or else the last one. `None` before the first, and while a service without code to
    /// run is up.
    run: Mutex<Option<Arc<Run>>>,
    /// At most [`KEPT`](Self::KEPT).
    kept_failures: AtomicU64,
    omitted_failures: AtomicU64,
    /// Since there was an isolated task.
    isolated: OnceLock<Box<IsolatedTasks>>,
    /// Set if the service is a registry or a group.
    inner: OnceLock<Box<Mutex<InnerRuns>>>,
    /// Since it was restarted.
    restarts: OnceLock<Box<RestartFacts>>,
    /// The first failure.
    pub(crate) error: OnceLock<ServiceError>,
    pub(crate) moments: Moments,
    /// How long its start may take, and a reload.
    pub(crate) start_limit: Option<Duration>,
}

impl Instance {
    /// How many failures of one service are kept. Each has a line in the log and in the report, and a
    /// service whose tasks fail one after another would fill both.
    pub(crate) const KEPT: u64 = 16;

    /// Built in place: an application is assembled of many of these.
    #[inline]
    pub(crate) fn new(
        name: Name,
        shape: Shape,
        on_failure: OnFailure,
        start_limit: Option<Duration>,
    ) -> Self {
        let (ticks, queue) = (OnceLock::new(), OnceLock::new());
        make_room(shape, &ticks, &queue);
        Self {
            name,
            shape: AtomicU8::new(shape as u8),
            policy: Policy::new(on_failure),
            state: AtomicU8::new(State::New as u8),
            disabled: OnceLock::new(),
            ticks,
            queue,
            isolated: OnceLock::new(),
            restarts: OnceLock::new(),
            run: Mutex::new(None),
            inner: OnceLock::new(),
            kept_failures: AtomicU64::new(0),
            omitted_failures: AtomicU64::new(0),
            error: OnceLock::new(),
            moments: Moments::default(),
            start_limit,
        }
    }

    pub(crate) fn on_failure(&self) -> &OnFailure {
        match &self.policy {
            Policy::Shutdown => &OnFailure::Shutdown,
            Policy::Ignore => &OnFailure::Ignore,
            Policy::Other(policy) => policy,
        }
    }

    #[inline]
    pub(crate) fn has_inner(&self) -> bool {
        self.inner.get().is_some()
    }

    /// The application of the service, if the service is a registry: of its current run or else of the last
    /// one, and before the first run one that has not begun.
    pub(crate) fn inner(&self) -> Option<Arc<Application>> {
        let inner = self.inner.get()?.lock();
        inner.unwrap_or_else(PoisonError::into_inner).now.clone()
    }

    /// Shows this application instead, with what is paused in the one before. Returns that one.
    pub(crate) fn set_inner(&self, inner: Arc<Application>) -> Option<Arc<Application>> {
        let mut runs = self.inner_runs();
        let before = runs.before.take();
        if let Some(before) = runs.now.as_ref().or(before.as_ref()) {
            inner.keep_paused(before);
        }
        runs.now.replace(inner).or(before)
    }

    /// This is the same service in another run of the registry around it: what was paused stays so. It may be
    /// behind a decorator, so what it is shows only later.
    pub(crate) fn keep_paused(&self, before: &Self) {
        if before.ticks().is_some_and(TickFacts::is_paused) {
            self.ticks.get_or_init(Box::default).pause();
        }
        let Some(inner) = before.inner() else {
            return;
        };
        match self.inner() {
            Some(now) => now.keep_paused(&inner),
            None => self.inner_runs().before = Some(inner),
        }
    }

    fn inner_runs(&self) -> MutexGuard<'_, InnerRuns> {
        let inner = self.inner.get_or_init(Box::default).lock();
        inner.unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this the current run.
    pub(crate) fn begin_run(&self, run: &Arc<Run>) {
        if let Some(ticks) = self.ticks() {
            ticks.open_run();
        }
        if let Some(counts) = self.queue() {
            counts.calls.open();
        }
        let before = self.current_run().replace(run.clone());
        // This may be the last reference to that run, so it is dropped outside the lock.
        drop(before);
    }

    /// Drops the current run, which is over. Another one will follow, and will run the ticks that are asked for
    /// meanwhile.
    pub(crate) fn leave_run(&self) {
        if let Some(ticks) = self.ticks() {
            ticks.open();
        }
        self.drop_run();
    }

    /// Drops the current run, which is over.
    pub(crate) fn drop_run(&self) {
        let last = self.current_run().take();
        // It may have the last reference to an error of the user's.
        let _ = panics::catch(|| drop(last));
    }

    pub(crate) fn run(&self) -> Option<Arc<Run>> {
        self.current_run().clone()
    }

    fn current_run(&self) -> MutexGuard<'_, Option<Arc<Run>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the code of the current run has called `ready`.
    fn has_said_ready(&self) -> bool {
        let run = self.current_run();
        run.as_ref()
            .is_some_and(|run| run.orders.given(Orders::READY))
    }

    /// Allocates what a service of this shape keeps here. A decorator hides the shape until the `start`
    /// of the shape runs, and that calls this again.
    pub(crate) fn take_shape(&self, shape: Shape) {
        make_room(shape, &self.ticks, &self.queue);
        self.shape.store(shape as u8, Ordering::Release);
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape::from_byte(self.shape.load(Ordering::Acquire))
    }

    pub(crate) fn ticks(&self) -> Option<&TickFacts> {
        self.ticks.get().map(|ticks| &**ticks)
    }

    /// No tick and no flush will follow that could answer a call of `trigger`.
    pub(crate) fn close_triggers(&self) {
        if let Some(ticks) = self.ticks() {
            ticks.close();
        }
        if let Some(counts) = self.queue() {
            counts.calls.close();
        }
    }

    /// Whether the service certainly has neither ticks nor flushes. Behind a decorator that is certain once the
    /// service is ready: by then the shape's `start` has run.
    pub(crate) fn has_nothing_to_trigger(&self) -> bool {
        let is_known = !self.shape().is_by_hand() || self.has_said_ready();
        is_known && self.ticks().is_none() && self.queue().is_none()
    }

    pub(crate) fn queue(&self) -> Option<&QueueCounts> {
        self.queue.get().map(|counts| &**counts)
    }

    /// What is known of its isolated tasks; one begins, or has begun.
    pub(crate) fn make_isolated(&self) -> &IsolatedTasks {
        self.isolated.get_or_init(Box::default)
    }

    /// What is known of its restarts, if there were any.
    pub(crate) fn restarts(&self) -> Option<&RestartFacts> {
        self.restarts.get().map(|restarts| &**restarts)
    }

    /// What is known of its restarts; there is one.
    pub(crate) fn make_restarts(&self) -> &RestartFacts {
        self.restarts.get_or_init(Box::default)
    }

    /// Whether it is a oneshot that has succeeded.
    pub(crate) fn has_succeeded(&self) -> bool {
        let run = self.current_run();
        run.as_ref()
            .is_some_and(|run| run.succeeded.load(Ordering::Acquire))
    }

    /// Counts one more failure. Returns whether it is one of the first, which are kept. Only the
    /// supervisor calls it.
    pub(crate) fn keep_failure(&self) -> bool {
        let is_kept = !self.has_failed_enough();
        let count = if is_kept {
            &self.kept_failures
        } else {
            &self.omitted_failures
        };
        count.fetch_add(1, Ordering::Relaxed);
        is_kept
    }

    /// Whether a further failure would only be counted.
    pub(crate) fn has_failed_enough(&self) -> bool {
        self.kept_failures.load(Ordering::Relaxed) >= Self::KEPT
    }

    pub(crate) fn omit_failure(&self) {
        self.omitted_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How many failures were counted and not kept.
    pub(crate) fn omitted_failures(&self) -> u64 {
        self.omitted_failures.load(Ordering::Relaxed)
    }

    /// This run is over: what is still to be logged of it is, and its span ends.
    pub(crate) fn close_log(&self, run: &Run) {
        if let Some(isolated) = self.isolated.get() {
            isolated.close_log(&self.name);
        }
        run.close_span();
    }

    /// Closes the stop channel of this run. That wakes the tasks that wait for it. The loop of a schedule
    /// reads the channel without waiting for it, so it is woken too.
    pub(crate) fn close_stop_channel(&self, run: &Run) {
        run.close_stop_channel();
        if let Some(ticks) = self.ticks() {
            ticks.wake();
        }
    }

    /// Closes the intake of a queue that no task empties any more, and counts its items as lost.
    pub(crate) fn end_queue(&self) {
        if let Some(counts) = self.queue() {
            counts.end(&self.name);
        }
    }

    pub(crate) fn state(&self) -> State {
        State::from_byte(self.state.load(Ordering::Acquire))
    }

    /// Moves to `to` and returns the state it left.
    pub(crate) fn move_to(&self, to: State) -> State {
        State::from_byte(self.state.swap(to as u8, Ordering::AcqRel))
    }

    /// Whether the service is not ready yet, and may still become ready.
    pub(crate) fn is_coming_up(&self) -> bool {
        match self.state() {
            State::New | State::Waiting | State::Backoff => true,
            State::Starting => !self.has_said_ready(),
            _ => false,
        }
    }

    /// The part of its code that runs now, or that ran last.
    pub(crate) fn phase(&self) -> Phase {
        match &*self.current_run() {
            Some(run) => run.phase(),
            None if self.state() == State::Running => Phase::Idle,
            None => Phase::Startup,
        }
    }

    /// What the error of a start timeout says about the start.
    pub(crate) fn unfinished_start(&self) -> Unfinished {
        let run = self.run();
        let degraded = run.as_ref().and_then(|run| run.degraded());
        Unfinished {
            shape: self.shape(),
            attempts: run.and_then(|run| run.take_failed_attempts()),
            degraded: degraded.or_else(|| self.missing_inner()),
        }
    }

    /// The sentence of the service itself comes first, then a failing `startup`, then a failed tick or
    /// flush, then what is down in the application of the service itself.
    fn degraded(&self, run: Option<&Run>) -> Option<Arc<str>> {
        run.and_then(Run::degraded)
            .or_else(|| run?.failing_start())
            .or_else(|| run?.failed_reload())
            .or_else(|| self.ticks()?.degraded())
            .or_else(|| self.queue()?.degraded())
            .or_else(|| match self.state() {
                State::Running => self.missing_inner(),
                _ => None,
            })
    }

    /// What is not up in the application of the service itself.
    fn missing_inner(&self) -> Option<Arc<str>> {
        let (name, state) = self.inner()?.first_missing()?;
        let place = match state {
            State::Backoff => "in ",
            _ => "",
        };
        Some(format!("`{name}` is {place}{state}").into())
    }

    /// Its name and state, if it counts for readiness and is not where a started application wants it.
    pub(crate) fn missing(&self) -> Option<(Name, State)> {
        let state = self.state();
        let is_there = match state {
            State::Running | State::Disabled => true,
            State::Stopped => self.has_succeeded(),
            _ => false,
        };
        let is_missing = !is_there && !self.on_failure().ends_ignored();
        is_missing.then(|| (self.name.clone(), state))
    }

    pub(crate) fn status(&self) -> ServiceStatus {
        let run = self.run();
        let state = self.state();
        let Facts {
            total,
            in_a_row,
            last_error,
            next_start,
            ..
        } = self.restarts().map(RestartFacts::get).unwrap_or_default();
        ServiceStatus {
            name: self.name.clone(),
            shape: self.shape(),
            state,
            succeeded: run
                .as_ref()
                .is_some_and(|run| run.succeeded.load(Ordering::Acquire)),
            on_failure: *self.on_failure(),
            degraded: self.degraded(run.as_deref()),
            error: self.error.get().cloned(),
            paused: self.ticks().is_some_and(TickFacts::is_paused),
            restarts: total,
            restarts_in_a_row: in_a_row,
            last_error,
            next_start: next_start.filter(|_| state == State::Backoff),
            stop_by: run.as_ref().and_then(|run| run.end_of_time()),
            lease: None,
            ticks: self.ticks().map(TickFacts::status),
            queue: self.queue().map(QueueCounts::status),
            isolated: self
                .isolated
                .get()
                .map(|tasks| tasks.status())
                .unwrap_or_default(),
            flush_error: self.queue().and_then(QueueCounts::flush_error),
        }
    }
}
