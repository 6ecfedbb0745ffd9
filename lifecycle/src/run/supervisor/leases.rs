//! Passes what becomes of a lease to the engine, and shows it.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Supervisor;
use crate::engine::Failure;
use crate::report::error::Fault;
use crate::report::event::EventKind;
use crate::report::status::Phase;
use crate::shared::lease::Lease;
use crate::shared::runner_news::LeaseNews;

impl Supervisor {
    pub(super) fn hear_of_lease(&mut self, service: usize, news: LeaseNews, now: Instant) {
        match news {
            LeaseNews::Taken(lease) => {
                let token = lease.token();
                // Before the run begins that it is for.
                self.show_lease(service, Some(lease));
                self.application
                    .tell(service, EventKind::LeaseTaken { token });
                self.engine.granted(service, now);
            }
            LeaseNews::Lost(lease, why, until) => {
                let token = lease.token();
                self.application
                    .tell(service, EventKind::LeaseLost { token, why });
                if let Some(run) = self.run_of(service) {
                    // What is dropped because of that is no failure of the service.
                    run.forgives_late.store(true, Ordering::Relaxed);
                }
                self.engine.lost(service, until, now);
            }
            LeaseNews::Failed(error) => {
                let fault = Fault::Error(error);
                let error = self.application.error(service, Phase::Startup, fault);
                let failure = Failure::Reported(error);
                self.engine.lease_failed(service, failure, now);
            }
        }
    }

    pub(super) fn seek_lease(&mut self, service: usize) {
        self.show_lease(service, None);
        if let Some(leases) = &mut self.leases {
            leases.seek(service, &self.application);
        }
    }

    pub(super) fn end_lease(&mut self, service: usize, gives_back: bool) {
        self.show_lease(service, None);
        if let Some(leases) = &mut self.leases {
            leases.end(service, gives_back);
        }
    }

    fn show_lease(&self, service: usize, lease: Option<Lease>) {
        if let Some(leases) = self.application.leases.get() {
            leases.set(service, lease);
        }
    }
}
