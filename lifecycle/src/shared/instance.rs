//! What one service shares with the rest: its context, its task and the supervisor all look at the
//! same cell.
//!
//! Who writes what: the supervisor the state, the error and the orders; the service's own task the
//! phase and the counts.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use crate::engine::StopTimes;
use crate::report::error::{FailedAttempts, ServiceError, Unfinished};
use crate::report::name::Name;
use crate::report::status::OnFailure;
use crate::report::status::{Phase, ServiceStatus, Shape, State};
use crate::shared::isolated::IsolatedTasks;
use crate::shared::latch::Latch;
use crate::shared::orders::Orders;
use crate::shared::queue_counts::QueueCounts;
use crate::shared::scope::{SharedSpan, SpanSlot};
use crate::shared::tasks::Tasks;
use crate::shared::tick_facts::TickFacts;

#[derive(Debug)]
// What every turn of a service touches comes first, on one line of the cache.
#[repr(C, align(64))]
pub(crate) struct Instance {
    pub(crate) orders: Orders,
    /// Of a scheduled service only.
    ticks: OnceLock<Box<TickFacts>>,
    shape: AtomicU8,
    pub(crate) on_failure: OnFailure,
    state: AtomicU8,
    phase: AtomicU8,
    /// Set once `startup` has succeeded: a drain is owed.
    pub(crate) started_up: AtomicBool,
    /// Set once a oneshot has done what it had to do.
    pub(crate) succeeded: AtomicBool,
    pub(crate) name: Name,
    /// The service's stop channel.
    pub(crate) stop: Latch,
    /// Closed when `start` and every spawned task have returned or were dropped.
    pub(crate) exited: Latch,
    pub(crate) tasks: Tasks,
    span: SpanSlot,
    /// Up to [`KEPT`](Self::KEPT).
    kept_failures: AtomicU64,
    omitted_failures: AtomicU64,
    /// Of a queue only.
    queue: OnceLock<Box<QueueCounts>>,
    /// Since there was one.
    isolated: OnceLock<Box<IsolatedTasks>>,
    degraded: Mutex<Option<Arc<str>>>,
    /// While `startup` fails and is tried again.
    failed_attempts: Mutex<Option<Box<FailedAttempts>>>,
    /// When what is left of the service is dropped; set when it is asked to stop.
    stop_times: Mutex<Option<StopTimes>>,
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
            phase: AtomicU8::new(Phase::Startup as u8),
            started_up: AtomicBool::new(false),
            succeeded: AtomicBool::new(false),
            stop: Latch::new(),
            exited: Latch::new(),
            orders: Orders::default(),
            tasks: Tasks::default(),
            span: SpanSlot::default(),
            kept_failures: AtomicU64::new(0),
            omitted_failures: AtomicU64::new(0),
            ticks: OnceLock::new(),
            queue: OnceLock::new(),
            isolated: OnceLock::new(),
            degraded: Mutex::new(None),
            failed_attempts: Mutex::new(None),
            stop_times: Mutex::new(None),
            error: OnceLock::new(),
        };
        instance.take_shape(shape);
        instance
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
        let is_known = self.shape() != Shape::Custom || self.orders.given(Orders::READY);
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

    /// The span in which all code of the service runs, so that its log lines carry its name.
    pub(crate) fn span(&self) -> SharedSpan {
        self.span.get(&self.name)
    }

    /// The service is down: what is still to be logged of it is, and its span ends.
    pub(crate) fn close_log(&self) {
        if let Some(isolated) = self.isolated.get() {
            isolated.close_log(&self.name);
        }
        self.span.close();
    }

    /// Whoever waits for it is woken, the loop of a schedule by its own call.
    pub(crate) fn close_stop_channel(&self) {
        self.stop.close();
        if let Some(ticks) = self.ticks() {
            ticks.stop();
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

    /// Whether it has not been ready yet, and still may be.
    pub(crate) fn is_coming_up(&self) -> bool {
        let is_before = matches!(self.state(), State::New | State::Waiting | State::Starting);
        is_before && !self.orders.given(Orders::READY)
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::Relaxed))
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Whether that is something else than before.
    pub(crate) fn set_degraded(&self, why: Option<Arc<str>>) -> bool {
        let mut degraded = self.degraded.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = *degraded != why;
        *degraded = why;
        changes
    }

    /// When what is running now is dropped: `start` and the tasks first, and when they have returned
    /// what is left.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let times = (*self.stop_times())?;
        Some(if self.exited.is_closed() {
            times.end
        } else {
            times.cut
        })
    }

    pub(crate) fn set_stop_times(&self, times: Option<StopTimes>) {
        *self.stop_times() = times;
    }

    fn stop_times(&self) -> MutexGuard<'_, Option<StopTimes>> {
        self.stop_times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the service itself says first; then why it does not start up; then what its ticks show.
    fn degraded(&self) -> Option<Arc<str>> {
        self.said_degraded()
            .or_else(|| Some(self.failed_attempts().as_ref()?.sentence()))
            .or_else(|| self.ticks()?.trouble())
            .or_else(|| self.queue()?.degraded())
    }

    fn said_degraded(&self) -> Option<Arc<str>> {
        self.degraded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Shows by how many attempts `startup` has failed, and why; `None` when that is over.
    pub(crate) fn set_failed_attempts(&self, attempts: Option<FailedAttempts>) {
        let before = std::mem::replace(&mut *self.failed_attempts(), attempts.map(Box::new));
        // The lock is free by now: the destructor of an error is a hook's own code.
        drop(before);
    }

    /// What there is to say of a start that has run out of time.
    pub(crate) fn unfinished_start(&self) -> Unfinished {
        let attempts = self.failed_attempts().take();
        Unfinished {
            shape: self.shape(),
            attempts: attempts.map(|attempts| *attempts),
            degraded: self.said_degraded(),
        }
    }

    fn failed_attempts(&self) -> MutexGuard<'_, Option<Box<FailedAttempts>>> {
        self.failed_attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> ServiceStatus {
        ServiceStatus {
            name: self.name.clone(),
            shape: self.shape(),
            state: self.state(),
            succeeded: self.succeeded.load(Ordering::Acquire),
            on_failure: self.on_failure,
            degraded: self.degraded(),
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
