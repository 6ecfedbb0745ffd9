//! The calls that restart a service by hand, and what they are answered.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Supervisor;
use crate::engine::restart::Refusal;
use crate::panics;
use crate::report::error::RestartError;
use crate::report::status::State;
use crate::shared::runner_news::RestartResult;

/// A call that was accepted, and waits for the service to be up again.
pub(crate) struct RestartCall {
    service: usize,
    /// Whether the service has been started since the call. A move to `Running` before that is of the old run.
    is_started: bool,
    answer: oneshot::Sender<RestartResult>,
}

impl Supervisor {
    /// Restarts the service by hand, if that can be done. The call is answered when the service is up again, or
    /// has ended.
    pub(super) fn restart(
        &mut self,
        service: usize,
        asker: Option<usize>,
        answer: oneshot::Sender<RestartResult>,
        now: Instant,
    ) {
        let name = || self.application.instance(service).name.clone();
        let refused = match self.engine.restart(service, asker, now) {
            Ok(()) => {
                // Those whose caller is gone would pile up while a service can't be started.
                self.restart_calls.retain(|call| !call.answer.is_closed());
                self.restart_calls.push(RestartCall {
                    service,
                    is_started: false,
                    answer,
                });
                return;
            }
            Err(Refusal::Stopping) => RestartError::Stopping,
            Err(Refusal::NotRunning) => RestartError::NotRunning(name()),
            Err(Refusal::Ended) => RestartError::Ended(name()),
            Err(Refusal::FromWithin) => RestartError::FromWithin(name()),
        };
        tell(answer, Err(refused));
    }

    /// Answers the calls for a service that has come to this state.
    pub(super) fn answer_restarts(&mut self, service: usize, state: State) {
        if self.restart_calls.is_empty() {
            return;
        }
        let mut kept = Vec::new();
        for mut call in std::mem::take(&mut self.restart_calls) {
            if call.service != service {
                kept.push(call);
            } else if state.is_final() {
                tell(call.answer, self.ended(service));
            } else if state == State::Standby {
                let name = self.application.instance(service).name.clone();
                tell(call.answer, Err(RestartError::NotRunning(name)));
            } else if state == State::Running && call.is_started {
                tell(call.answer, Ok(()));
            } else {
                call.is_started |= state == State::Starting;
                kept.push(call);
            }
        }
        self.restart_calls = kept;
    }

    /// The answer for a service that has ended on its way up.
    fn ended(&self, service: usize) -> RestartResult {
        let instance = self.application.instance(service);
        match instance.error.get() {
            Some(error) => Err(RestartError::Failed(error.clone())),
            None if instance.has_succeeded() => Ok(()),
            None if self.application.request.reason().is_some() => Err(RestartError::Stopping),
            // A member that was removed meanwhile.
            None => Err(RestartError::Ended(instance.name.clone())),
        }
    }
}

/// An error means that the caller is gone. If a waker panics, its caller has the answer.
fn tell(answer: oneshot::Sender<RestartResult>, result: RestartResult) {
    let _ = panics::catch(|| answer.send(result));
}
