//! What a service is, for the whole life of its registration: its name, shape and policy, the state others see,
//! and what is counted over all its runs. What belongs to one life of it is in its [`Run`].
//!
//! Who writes what: the supervisor the state, the error and which run is the current one; the code of the
//! service the counts.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::report::error::{ServiceError, Unfinished};
use crate::report::name::Name;
use crate::report::status::OnFailure;
use crate::report::status::{Phase, ServiceStatus, Shape, State};
use crate::shared::isolated::IsolatedTasks;
use crate::shared::orders::Orders;
use crate::shared::queue_counts::QueueCounts;
use crate::shared::run::Run;
use crate::shared::tick_facts::TickFacts;

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: Name,
    shape: AtomicU8,
    pub(crate) on_failure: OnFailure,
    state: AtomicU8,
    /// Of a scheduled service only.
    ticks: OnceLock<Box<TickFacts>>,
    /// Of a queue only.
    queue: OnceLock<Box<QueueCounts>>,
    /// The current run, or the last one. None before the first, between two, and while a service is up that
    /// has no code to run.
    run: Mutex<Option<Arc<Run>>>,
    /// Up to [`KEPT`](Self::KEPT).
    kept_failures: AtomicU64,
    omitted_failures: AtomicU64,
    /// Since there was an isolated task.
    isolated: OnceLock<Box<IsolatedTasks>>,
    /// The first thing that went wrong.
    pub(crate) error: OnceLock<ServiceError>,
}

impl Instance {
    /// How many failures of one service are kept. Each is told in the log and in the report, and a service
    /// whose tasks fail in turn would fill both; those of other services always have room.
    pub(crate) const KEPT: u64 = 16;

    pub(crate) fn new(name: Name, shape: Shape, on_failure: OnFailure) -> Self {
        let instance = Self {
            name,
            shape: AtomicU8::new(Shape::Custom as u8),
            on_failure,
            state: AtomicU8::new(State::New as u8),
            ticks: OnceLock::new(),
            queue: OnceLock::new(),
            isolated: OnceLock::new(),
            run: Mutex::new(None),
            kept_failures: AtomicU64::new(0),
            omitted_failures: AtomicU64::new(0),
            error: OnceLock::new(),
        };
        instance.take_shape(shape);
        instance
    }

    /// A new run begins: what is asked of the current one is asked of this one from now on.
    pub(crate) fn begin_run(&self, run: &Arc<Run>) {
        if let Some(ticks) = self.ticks() {
            ticks.open();
        }
        let before = self.current_run().replace(run.clone());
        // Not under the lock: it may be the last to hold that run.
        drop(before);
    }

    /// The current run is over, and another one will follow.
    pub(crate) fn leave_run(&self) {
        let before = self.current_run().take();
        drop(before);
    }

    pub(crate) fn run(&self) -> Option<Arc<Run>> {
        self.current_run().clone()
    }

    fn current_run(&self) -> MutexGuard<'_, Option<Arc<Run>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the current run has said that it is ready.
    fn has_said_ready(&self) -> bool {
        let run = self.current_run();
        run.as_ref()
            .is_some_and(|run| run.orders.given(Orders::READY))
    }

    /// Makes room for what a service of this shape keeps here. Known at the start, but for what a
    /// decorator hides: that comes when the `start` of the shape runs.
    pub(crate) fn take_shape(&self, shape: Shape) {
        match shape {
            Shape::Scheduled => {
                self.ticks.get_or_init(Box::default);
            }
            Shape::Queue => {
                self.queue.get_or_init(Box::default);
            }
            _ => {}
        }
        self.shape.store(shape as u8, Ordering::Release);
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape::from_byte(self.shape.load(Ordering::Acquire))
    }

    pub(crate) fn ticks(&self) -> Option<&TickFacts> {
        self.ticks.get().map(|ticks| &**ticks)
    }

    /// Whether it is certain that there are no ticks. What a decorator hides is said before the service
    /// is ready.
    pub(crate) fn is_known_without_ticks(&self) -> bool {
        let is_known = self.shape() != Shape::Custom || self.has_said_ready();
        is_known && self.ticks().is_none()
    }

    pub(crate) fn queue(&self) -> Option<&QueueCounts> {
        self.queue.get().map(|counts| &**counts)
    }

    /// What is known of its isolated tasks; one begins, or has begun.
    pub(crate) fn make_isolated(&self) -> &IsolatedTasks {
        self.isolated.get_or_init(Box::default)
    }

    /// One more failure, noted by the supervisor; whether it is among the first, which are kept.
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

    /// One more failure comes to nothing but a higher count.
    pub(crate) fn has_failed_enough(&self) -> bool {
        self.kept_failures.load(Ordering::Relaxed) >= Self::KEPT
    }

    pub(crate) fn omit_failure(&self) {
        self.omitted_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How many failures were only counted.
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

    /// Closes the stop channel of this run. Those that wait at it are woken, and the loop of a schedule, which
    /// looks at it without waiting, is called.
    pub(crate) fn close_stop_channel(&self, run: &Run) {
        run.close_stop_channel();
        if let Some(ticks) = self.ticks() {
            ticks.wake();
        }
    }

    /// Nothing is left to empty the intake of a queue: it closes, and what is left in it is lost.
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

    /// Whether it is not ready yet, and still may be.
    pub(crate) fn is_coming_up(&self) -> bool {
        match self.state() {
            State::New | State::Waiting | State::Backoff => true,
            State::Starting => !self.has_said_ready(),
            _ => false,
        }
    }

    /// What it is doing, or was when it ended.
    pub(crate) fn phase(&self) -> Phase {
        match &*self.current_run() {
            Some(run) => run.phase(),
            None if self.state() == State::Running => Phase::Idle,
            None => Phase::Startup,
        }
    }

    /// What there is to say of a start that has run out of time.
    pub(crate) fn unfinished_start(&self) -> Unfinished {
        let run = self.run();
        Unfinished {
            shape: self.shape(),
            attempts: run.as_ref().and_then(|run| run.take_failed_attempts()),
            degraded: run.and_then(|run| run.degraded()),
        }
    }

    /// What the service itself says first; then why it does not start up; then what its ticks show.
    fn degraded(&self, run: Option<&Run>) -> Option<Arc<str>> {
        run.and_then(Run::degraded)
            .or_else(|| run?.failing_start())
            .or_else(|| self.ticks()?.trouble())
            .or_else(|| self.queue()?.degraded())
    }

    pub(crate) fn status(&self) -> ServiceStatus {
        let run = self.run();
        ServiceStatus {
            name: self.name.clone(),
            shape: self.shape(),
            state: self.state(),
            succeeded: run
                .as_ref()
                .is_some_and(|run| run.succeeded.load(Ordering::Acquire)),
            on_failure: self.on_failure,
            degraded: self.degraded(run.as_deref()),
            error: self.error.get().cloned(),
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
