//! One run of a service: what there is from one start to the end that follows it, made anew for each.
//!
//! A [`Context`](super::context::Context) holds the run it was made for. Its stop channel, its orders and its
//! tasks are that run's own, so what is still held of an earlier run sees that one closed for ever and reaches
//! nothing of a later one.
//!
//! Who writes what: the supervisor the orders, the times to stop and the failure; the task of the run the rest.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use crate::engine::StopTimes;
use crate::report::error::{FailedAttempts, ServiceError};
use crate::report::name::Name;
use crate::report::status::Phase;
use crate::shared::latch::Latch;
use crate::shared::orders::Orders;
use crate::shared::scope::{SharedSpan, SpanSlot};
#[cfg(feature = "tokio-util")]
use crate::shared::stop_token::StopToken;
use crate::shared::tasks::Tasks;

#[derive(Debug)]
// What every turn of a service touches comes first, and stays together in memory.
#[repr(C)]
pub(crate) struct Run {
    pub(crate) orders: Orders,
    phase: AtomicU8,
    /// Set once `startup` has succeeded: a drain is owed.
    pub(crate) started_up: AtomicBool,
    /// Set once a oneshot has done what it had to do.
    pub(crate) succeeded: AtomicBool,
    /// When it is over the service is kept for another one.
    pub(crate) keeps_service: AtomicBool,
    /// The stop channel.
    pub(crate) stop: Latch,
    /// The same as tokens, for code that asks for one.
    #[cfg(feature = "tokio-util")]
    stop_token: StopToken,
    /// Closed when `start` and every spawned task have returned or were dropped.
    pub(crate) exited: Latch,
    pub(crate) tasks: Tasks,
    span: SpanSlot,
    /// When what is left of it is dropped; set when it is asked to stop.
    stop_times: Mutex<Option<StopTimes>>,
    /// Why it works less well than it should, as it says itself.
    degraded: Mutex<Option<Arc<str>>>,
    /// While `startup` fails and is tried again.
    failed_attempts: Mutex<Option<Box<FailedAttempts>>>,
    /// What it failed with first.
    failure: OnceLock<ServiceError>,
}

impl Run {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            orders: Orders::default(),
            phase: AtomicU8::new(Phase::Startup as u8),
            started_up: AtomicBool::new(false),
            succeeded: AtomicBool::new(false),
            keeps_service: AtomicBool::new(false),
            stop: Latch::new(),
            #[cfg(feature = "tokio-util")]
            stop_token: StopToken::default(),
            exited: Latch::new(),
            tasks: Tasks::default(),
            span: SpanSlot::default(),
            stop_times: Mutex::new(None),
            degraded: Mutex::new(None),
            failed_attempts: Mutex::new(None),
            failure: OnceLock::new(),
        })
    }

    /// There was no code to run for its start: it is up.
    pub(crate) fn is_up(&self) {
        self.enter(Phase::Idle);
        self.started_up.store(true, Ordering::Release);
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::Relaxed))
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Wakes those that wait at the stop channel, and cancels its tokens.
    pub(crate) fn close_stop_channel(&self) {
        self.stop.close();
        #[cfg(feature = "tokio-util")]
        self.stop_token.cancel();
    }

    /// A token that is cancelled when the stop channel is closed.
    #[cfg(feature = "tokio-util")]
    pub(crate) fn stop_token(&self) -> tokio_util::sync::CancellationToken {
        self.stop_token.child(&self.stop)
    }

    /// The span in which all code of the run executes, so that its log lines carry the service's name.
    pub(crate) fn span(&self, name: &Name) -> SharedSpan {
        self.span.get(name)
    }

    /// The run is over.
    pub(crate) fn close_span(&self) {
        self.span.close();
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

    /// Notes what it failed with; only the first counts.
    pub(crate) fn fail(&self, error: &ServiceError) {
        let _ = self.failure.set(error.clone());
    }

    pub(crate) fn failure(&self) -> Option<&ServiceError> {
        self.failure.get()
    }

    /// Whether that is something else than before.
    pub(crate) fn set_degraded(&self, why: Option<Arc<str>>) -> bool {
        let mut degraded = self.degraded.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = *degraded != why;
        *degraded = why;
        changes
    }

    /// What the service itself says of it.
    pub(crate) fn degraded(&self) -> Option<Arc<str>> {
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

    pub(crate) fn take_failed_attempts(&self) -> Option<FailedAttempts> {
        let attempts = self.failed_attempts().take();
        attempts.map(|attempts| *attempts)
    }

    /// Why it does not start up.
    pub(crate) fn failing_start(&self) -> Option<Arc<str>> {
        Some(self.failed_attempts().as_ref()?.sentence())
    }

    fn stop_times(&self) -> MutexGuard<'_, Option<StopTimes>> {
        self.stop_times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed_attempts(&self) -> MutexGuard<'_, Option<Box<FailedAttempts>>> {
        self.failed_attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
