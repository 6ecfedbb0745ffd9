//! Records what has gone wrong with a service, by the engine's verdict: its end, a reason to restart it, or neither.

use std::time::Duration;

use super::Supervisor;
use crate::engine::{Failure, PlannedRestart};
use crate::panics::log_safely;
use crate::report::error::{Fault, ServiceError};
use crate::report::event::EventKind;
use crate::report::outcome::Laggard;
use crate::report::status::{OnLate, Phase, State};
use crate::shared::application::Application;
use crate::shared::health::Health;
use crate::shared::record::Record;
use crate::shared::restarts::RestartFacts;
use crate::shared::startup;

impl Supervisor {
    /// The service has failed for good, after it has used up this many restarts if that is why.
    pub(super) fn note_failure(&self, service: usize, failure: Failure, used_up: Option<u32>) {
        self.record_unmended(service);
        let error = self.error_of(service, failure);
        if let Some(restarts) = used_up {
            error.give_up_after(restarts);
        }
        if let Some(run) = self.run_of(service) {
            run.fail(&error);
        }
        self.record_failure(service, error);
    }

    /// The service has failed, and another run mends that.
    pub(super) fn mend(&self, service: usize, failure: Failure, planned: PlannedRestart) {
        let error = self.error_of(service, failure);
        if let Some(run) = self.run_of(service) {
            run.fail(&error);
        }
        let instance = self.application.instance(service);
        instance.make_restarts().mend(&error, planned.number);
        let PlannedRestart {
            number,
            limit,
            wait,
        } = planned;
        let planned = EventKind::RestartPlanned {
            wait,
            number: Some(number),
            limit,
            error: Some(error),
            with: None,
        };
        self.application.tell(service, planned);
    }

    /// The service has failed once more while it is being stopped for a restart.
    pub(super) fn note_further(&self, service: usize, failure: Failure) {
        let error = self.error_of(service, failure);
        let instance = self.application.instance(service);
        if instance.make_restarts().note() {
            log_safely!(warn, service = %instance.name, %error, "failed as it is being restarted");
        }
    }

    pub(super) fn note_late(&self, service: usize, phase: Phase, had: Duration, on_late: OnLate) {
        if on_late == OnLate::Fail {
            self.record_unmended(service);
        }
        let name = self.application.instance(service).name.clone();
        self.application.tell(
            service,
            EventKind::Late {
                phase,
                had,
                on_late,
            },
        );
        if on_late == OnLate::Fail {
            let error = self.application.error(service, phase, Fault::Late(had));
            let _ = self.application.instance(service).error.set(error);
        }
        let laggard = Laggard {
            service: name,
            phase,
            had,
            on_late,
        };
        self.application.tell_outer_of_laggard(&laggard);
        let mut record = self.application.record();
        if self.application.members.is_none() || record.laggards.len() < Record::MOST {
            record.laggards.push(laggard);
        }
    }

    /// No run follows that would mend the failure that the service was stopped for. So it counts after all, as the
    /// first cause.
    fn record_unmended(&self, service: usize) {
        let instance = self.application.instance(service);
        if let Some(error) = instance.restarts().and_then(RestartFacts::take_unmended) {
            self.record_failure(service, error);
        }
    }

    /// Another run of the service begins: what it is to mend is mended by now. That is also what has failed within
    /// it, if it is a registry.
    pub(super) fn forget_mended(&self, service: usize) {
        let instance = self.application.instance(service);
        let restarts = instance.restarts();
        let mended = restarts.and_then(RestartFacts::take_unmended);
        if mended.is_none() || instance.inner().is_none() {
            return;
        }
        let mut within = Vec::new();
        let mut forget = |application: &Application| {
            let mut record = application.record();
            let all = std::mem::take(&mut record.inner_failures).into_iter();
            let (found, others): (Vec<_>, Vec<_>) =
                all.partition(|error| error.service().is_within(&instance.name));
            record.inner_failures = others;
            within.extend(found);
        };
        forget(&self.application);
        self.application.for_each_outer(&mut forget);
        // The destructors of errors are user code.
        drop((within, mended));
    }

    fn record_failure(&self, service: usize, error: ServiceError) {
        let instance = self.application.instance(service);
        if !instance.keep_failure() {
            return;
        }
        self.application
            .tell(service, EventKind::Failed(error.clone()));
        let is_first_start = instance.moments.ready.get().is_none();
        let is_member = self.application.members.is_some();
        if is_first_start && !is_member && instance.state() == State::Starting {
            let chain = startup::report(&self.application, Some(service));
            log_safely!(warn, service = %instance.name, chain = format_args!("\n{chain}"), "the start has failed");
        }
        let _ = instance.error.set(error.clone());
        let calls = self.members.as_ref();
        let leaves = calls.is_some_and(|calls| calls.is_leaving(service));
        let counts = !instance.on_failure().ends_ignored() && !leaves;
        let mut record = self.application.record();
        let is_first_fatal = counts && !record.has_fatal;
        record.has_fatal |= counts;
        if counts && self.application.is_inner() && record.counted.len() < Record::MOST {
            record.counted.push(error.clone());
        }
        if !is_member || record.failures.len() < Record::MOST {
            record.failures.push(error.clone());
        }
        drop(record);
        self.application.tell_outer_of_failure(&error);
        // This wakes the tasks that wait for health, so the record is released first.
        if is_first_fatal {
            self.application.set_health(Health::Impossible(error));
        }
    }

    fn error_of(&self, service: usize, failure: Failure) -> ServiceError {
        match failure {
            Failure::Reported(error) => error,
            Failure::StartTimeout(limit) => self.application.start_timeout(service, limit),
            Failure::Dependency(root) => {
                let fault = Fault::Dependency(self.application.instance(root).name.clone());
                self.application.error(service, Phase::Startup, fault)
            }
        }
    }
}
