//! What can ask the application to stop, besides the owner: the `stop_on` future, and causes that a service has seen
//! before the supervisor.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant as WallInstant;

use tokio::task::coop::unconstrained;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::Supervisor;
use crate::engine::graces::ASKING_GRACE;
use crate::panics::{self, Panic};
use crate::report::error::{Fault, ServiceError};
use crate::report::reason::Reason;
use crate::report::status::Phase;
use crate::run::signals::Listener;

impl Supervisor {
    /// The `stop_on` future has resolved or panicked.
    pub(super) fn external(&mut self, ended: Result<(), Panic>) {
        match ended.and(self.drop_stop_on()) {
            Ok(()) => self.application.ask_to_stop(Reason::External),
            Err(panic) => self.note_panic_of_stop_on(panic),
        }
    }

    /// Drops the `stop_on` future, whose destructor is user code.
    pub(super) fn drop_stop_on(&mut self) -> Result<(), Panic> {
        let stop_on = self.stop_on.take();
        panics::catch(|| drop(stop_on))
    }

    pub(super) fn note_panic_of_stop_on(&self, Panic(message): Panic) {
        let message: Arc<str> = message.into();
        let reason = Reason::ExternalPanicked(message.clone());
        panics::log_safely!(error, reason = %reason, "failed");
        {
            let mut record = self.application.record();
            record.has_fatal = true;
            record.external_panic = Some(message);
        }
        self.application.ask_to_stop(reason);
    }

    /// Whether the error is no failure, because a stop was requested and the service has only ended, or
    /// reports that the application is stopping.
    pub(super) async fn is_due_to_the_stop(
        &mut self,
        service: usize,
        error: &ServiceError,
        now: Instant,
    ) -> bool {
        let ends_with_the_stop = match error.fault() {
            Fault::ExitedEarly | Fault::NeverReady => true,
            // Data that a drain has not flushed is lost, whatever the reason.
            Fault::Error(_) if error.phase() == Phase::Drain => false,
            Fault::Error(cause) => self.application.is_the_stop(cause),
            _ => false,
        };
        // A failure that is mended by a restart is none of the outcome, so this need not wait for a request that
        // is just being made.
        let is_final = !self.engine.would_restart(service, error, now);
        ends_with_the_stop && self.is_asked_to_stop(is_final).await
    }

    /// Whether a stop has been requested.
    ///
    /// # Invariants
    ///
    /// A service may see the cause of a stop before this loop does: a token that it shares with
    /// `stop_on`, a signal that it handles too, the failure of another service. The cause precedes the
    /// service's report. So after the report this checks every source of a request directly:
    ///
    /// - the engine knows of each failure that was reported before;
    /// - a `stop_on` future that was ready before the service returned is ready when it is polled now;
    /// - a signal's handler notes the signal before its thread makes the request. So either the note is
    ///   found here, or the request, which is read last.
    ///
    /// A thread may be just requesting the stop: a cancellation token, for example, cancels its children
    /// before it is cancelled itself. Only that thread knows, so this waits for it, for
    /// [`ASKING_GRACE`] of real time, which does not count on a test's paused clock, if it `may_wait`.
    pub(super) async fn is_asked_to_stop(&mut self, may_wait: bool) -> bool {
        let mut until = None;
        loop {
            if self.engine.is_stopping() || self.has_request().await {
                return true;
            }
            let others_ask =
                self.stop_on.is_some() || self.signals.is_some() || self.application.is_inner();
            let now = WallInstant::now();
            if !may_wait || !others_ask || *until.get_or_insert(now + ASKING_GRACE) <= now {
                return false;
            }
            std::thread::yield_now();
            yield_now().await;
        }
    }

    /// Makes a request that another source has caused and not made yet. Returns whether there is one.
    pub(super) async fn has_request(&mut self) -> bool {
        if self.application.request.reason().is_none() {
            if let Poll::Ready(ended) = self.poll_stop_on().await {
                self.external(ended);
            } else if let Some(signal) = self.signals.as_ref().and_then(Listener::delivered) {
                self.application.ask_to_stop(Reason::Signal(signal));
            }
        }
        self.application.request.reason().is_some()
    }

    /// Polls the `stop_on` future once, even if tokio's budget for this task is used up.
    pub(super) async fn poll_stop_on(&mut self) -> Poll<Result<(), Panic>> {
        let Some(external) = &mut self.stop_on else {
            return Poll::Pending;
        };
        let mut external = pin!(unconstrained(external.as_mut()));
        poll_fn(|task| Poll::Ready(panics::catch_poll(external.as_mut(), task))).await
    }
}
