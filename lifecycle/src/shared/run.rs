//! One run of a service: its state from one start to the end that follows. Each start makes a new one.
//!
//! A [`Context`](super::context::Context) holds the run that it was made for, with that run's stop channel,
//! orders and tasks. So a context of an earlier run sees its own channel closed for ever, and reaches nothing
//! of a later run.
//!
//! # Invariants
//!
//! The supervisor writes the times to stop, the failure and all orders but [`READY`](Orders::READY), and it
//! closes the stop channel. The run's task writes the rest. A write by the supervisor becomes visible to the
//! task by the order that follows it: see [`Orders`]. `started_up` and `succeeded` are written with `Release`
//! and read with `Acquire`, so a thread that reads `true` also sees the effects of the code that has
//! completed. `phase` only names the code in reports, so `Relaxed` is enough.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use crate::engine::StopTimes;
use crate::report::error::{FailedAttempts, Fault, ServiceError};
use crate::report::name::Name;
use crate::report::status::Phase;
use crate::shared::latch::Latch;
use crate::shared::members::Member;
use crate::shared::orders::Orders;
use crate::shared::reload::Reload;
use crate::shared::scope::{SharedSpan, SpanSlot};
#[cfg(feature = "tokio-util")]
use crate::shared::stop_token::StopToken;
use crate::shared::tasks::Tasks;

#[derive(Debug)]
// Each poll of a service touches the first fields, so they stay together in memory.
#[repr(C)]
pub(crate) struct Run {
    pub(crate) orders: Orders,
    phase: AtomicU8,
    /// Set once `startup` has succeeded: the drain must run.
    pub(crate) started_up: AtomicBool,
    /// Set once the `run` of a oneshot has succeeded.
    pub(crate) succeeded: AtomicBool,
    /// Whether the service is kept for another run when this one is over.
    pub(crate) keeps_service: AtomicBool,
    /// Whether some of its code was dropped because it was late.
    is_late: AtomicBool,
    /// Whether a further run follows though code of this one is late: that is no failure of the service.
    pub(crate) forgives_late: AtomicBool,
    /// Whether the service is hand-written, as far as the supervisor can see.
    is_custom: AtomicBool,
    /// How often a hook `drain` has begun.
    #[cfg(feature = "test-util")]
    drains: AtomicU8,
    /// The stop channel.
    pub(crate) stop: Latch,
    /// The same as tokens, for code that asks for one.
    #[cfg(feature = "tokio-util")]
    stop_token: StopToken,
    /// Closed when `start` and every spawned task have returned or were dropped.
    pub(crate) exited: Latch,
    pub(crate) tasks: Tasks,
    /// The member whose run it is, of a group.
    member: Option<Arc<Member>>,
    span: SpanSlot,
    /// When its code is dropped; set when it is asked to stop.
    stop_times: Mutex<Option<StopTimes>>,
    /// Since it was not as well as it should be.
    troubles: OnceLock<Box<Troubles>>,
    /// The first failure of this run.
    failure: OnceLock<ServiceError>,
    /// Since it has had something to reload.
    reload: OnceLock<Box<Reload>>,
}

#[derive(Debug, Default)]
struct Troubles {
    /// The sentence that the service passed to `degraded(..)`.
    degraded: Mutex<Option<Arc<str>>>,
    /// `Some` while `startup` fails and is tried again.
    failed_attempts: Mutex<Option<FailedAttempts>>,
}

impl Run {
    pub(crate) fn new() -> Arc<Self> {
        Self::of(None)
    }

    /// A run of this member of a group, if it is one.
    pub(crate) fn of(member: Option<Arc<Member>>) -> Arc<Self> {
        Arc::new(Self {
            orders: Orders::default(),
            phase: AtomicU8::new(Phase::Startup as u8),
            started_up: AtomicBool::new(false),
            succeeded: AtomicBool::new(false),
            keeps_service: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            forgives_late: AtomicBool::new(false),
            stop: Latch::new(),
            #[cfg(feature = "tokio-util")]
            stop_token: StopToken::default(),
            exited: Latch::new(),
            tasks: Tasks::default(),
            member,
            span: SpanSlot::default(),
            stop_times: Mutex::new(None),
            troubles: OnceLock::new(),
            failure: OnceLock::new(),
            is_custom: AtomicBool::new(false),
            reload: OnceLock::new(),
            #[cfg(feature = "test-util")]
            drains: AtomicU8::new(0),
        })
    }

    /// Its service is hand-written, or a decorator: it may have a `reload` of its own.
    pub(crate) fn set_custom(&self) {
        self.is_custom.store(true, Ordering::Release);
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.is_custom.load(Ordering::Acquire)
    }

    /// The reloads of this run; `None` while nothing in it has something to reload.
    pub(crate) fn reload(&self) -> Option<&Reload> {
        if self.is_custom() {
            return Some(self.make_reload());
        }
        self.reload.get().map(|reload| &**reload)
    }

    pub(crate) fn make_reload(&self) -> &Reload {
        self.reload.get_or_init(Box::default)
    }

    /// Why the last reload failed, if it did.
    pub(crate) fn failed_reload(&self) -> Option<Arc<str>> {
        self.reload.get()?.failed()
    }

    pub(crate) fn member(&self) -> Option<&Arc<Member>> {
        self.member.as_ref()
    }

    /// The run is up without a start, because its start has no code.
    pub(crate) fn is_up(&self) {
        self.enter(Phase::Idle);
        self.started_up.store(true, Ordering::Release);
    }

    /// Whether another run of the service follows this one, as far as is known now. None follows one that was
    /// late.
    pub(crate) fn is_followed(&self) -> bool {
        self.keeps_service.load(Ordering::Acquire) && !self.is_late()
    }

    pub(crate) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }

    /// Code of the run was dropped because it was late. Only the run's task calls this.
    pub(crate) fn note_late(&self) {
        if !self.forgives_late.load(Ordering::Relaxed) {
            self.is_late.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn enter_drain(&self) {
        self.enter(Phase::Drain);
        #[cfg(feature = "test-util")]
        self.drains.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a hook `drain` has begun.
    #[cfg(feature = "test-util")]
    pub(crate) fn drains(&self) -> u8 {
        self.drains.load(Ordering::Relaxed)
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

    /// When the code that runs now is dropped: until `exited` closes that is `start` with its tasks, and
    /// then the drain.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let times = (*self.stop_times())?;
        Some(if self.exited.is_closed() {
            times.end
        } else {
            times.cut
        })
    }

    /// When the time to stop is over, once it was asked.
    pub(crate) fn end_of_time(&self) -> Option<Instant> {
        let times = *self.stop_times();
        times.map(|times| times.end)
    }

    pub(crate) fn set_stop_times(&self, times: Option<StopTimes>) {
        *self.stop_times() = times;
    }

    /// Records the failure, if it is the first one of this run.
    pub(crate) fn fail(&self, error: &ServiceError) {
        let _ = self.failure.set(error.clone());
    }

    /// Whether it was not ready within its start timeout.
    pub(crate) fn has_timed_out(&self) -> bool {
        let failure = self.failure();
        failure.is_some_and(|failure| matches!(failure.fault(), Fault::StartTimeout(_)))
    }

    pub(crate) fn failure(&self) -> Option<&ServiceError> {
        self.failure.get()
    }

    /// Returns whether the sentence has changed.
    pub(crate) fn set_degraded(&self, why: Option<Arc<str>>) -> bool {
        if why.is_none() && self.troubles.get().is_none() {
            return false;
        }
        let mut degraded = self.make_troubles().degraded();
        let changes = *degraded != why;
        *degraded = why;
        changes
    }

    /// The sentence that the service itself passed.
    pub(crate) fn degraded(&self) -> Option<Arc<str>> {
        self.troubles.get()?.degraded().clone()
    }

    /// Shows how many attempts of `startup` have failed, and why.
    pub(crate) fn set_failed_attempts(&self, attempts: FailedAttempts) {
        let before = self.make_troubles().failed_attempts().replace(attempts);
        // The lock is released by now: the destructor of the error is the user's code.
        drop(before);
    }

    pub(crate) fn take_failed_attempts(&self) -> Option<FailedAttempts> {
        self.troubles.get()?.failed_attempts().take()
    }

    /// Why `startup` is being tried again.
    pub(crate) fn failing_start(&self) -> Option<Arc<str>> {
        Some(self.troubles.get()?.failed_attempts().as_ref()?.sentence())
    }

    fn make_troubles(&self) -> &Troubles {
        self.troubles.get_or_init(Box::default)
    }

    fn stop_times(&self) -> MutexGuard<'_, Option<StopTimes>> {
        self.stop_times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Troubles {
    fn degraded(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.degraded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed_attempts(&self) -> MutexGuard<'_, Option<FailedAttempts>> {
        self.failed_attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
