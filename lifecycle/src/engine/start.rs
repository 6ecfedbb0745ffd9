//! The start: which services may start, and what the failure of one means for its dependents.

use std::sync::Arc;

use tokio::time::Instant;

use super::alarms::Due;
use super::graph::{DependencyKind, Edge};
use super::node::{Life, Readiness};
use super::stop::Stage;
use super::sweep::Purpose;
use super::{Command, Engine, Failure, StopCause};
use crate::report::status::State;

impl Engine {
    /// Starts every service without dependencies; the others wait, or are disabled.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.begin_round(Purpose::Wait, now);
    }

    /// Every service waits or is disabled, and none has been started.
    pub(super) fn launch_services(&mut self, now: Instant) {
        if self.not_up == 0 {
            // No service counts for readiness.
            self.commands.push(Command::AllUp);
        }
        self.begin_round(Purpose::Launch, now);
        // All of them may be disabled.
        self.request_if_finished(now);
    }

    /// The service has called `ready`.
    pub(crate) fn ready(&mut self, service: usize, now: Instant) {
        let node = &self.nodes[service];
        // A oneshot is ready when it has succeeded.
        if node.state != State::Starting || node.settings.oneshot {
            return;
        }
        self.nodes[service].readiness = Readiness::Reached;
        self.nodes[service].restarts.has_been_up = true;
        self.nodes[service].restarts.up_since = Some(now);
        self.move_to(service, State::Running);
        self.watch_over_restarts(service, now);
        self.release_dependents(service, now);
    }

    /// The service is a oneshot, which a decorator has hidden until its start.
    pub(crate) fn is_oneshot(&mut self, service: usize) {
        Arc::make_mut(&mut self.nodes[service].settings).oneshot = true;
    }

    /// The service is a registry, which a decorator has hidden until its start.
    pub(crate) fn is_registry(&mut self, service: usize) {
        Arc::make_mut(&mut self.nodes[service].settings).registry = true;
    }

    /// The service is up: none of its dependents waits for it any more.
    pub(super) fn release_dependents(&mut self, service: usize, now: Instant) {
        for edge in 0..self.graph.dependents(service).len() {
            let dependent = self.graph.dependents(service)[edge].service;
            self.release(dependent as usize, now);
        }
    }

    /// The service will never be up: dependents that only want it no longer wait for it.
    fn release_wanting(&mut self, service: usize, now: Instant) {
        for edge in 0..self.graph.dependents(service).len() {
            let dependent = self.graph.dependents(service)[edge];
            if dependent.kind == DependencyKind::Wants {
                self.release(dependent.service as usize, now);
            }
        }
    }

    /// The service no longer waits for one of its dependencies. Called once for each of them.
    fn release(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        node.missing -= 1;
        if node.missing == 0 && node.state == State::Waiting {
            self.launch(service, now);
        }
    }

    /// Starts the service, unless a stop was requested.
    pub(super) fn launch(&mut self, service: usize, now: Instant) {
        if !matches!(self.stage, Stage::Up) {
            return;
        }
        if self.nodes[service].lacks_lease() {
            self.stand_by(service, now);
            return;
        }
        let node = &mut self.nodes[service];
        node.life = Life::Up;
        node.lease.is_lost = false;
        node.step += 1;
        node.has_left = false;
        node.readiness = Readiness::Pending;
        node.restarts.up_since = None;
        self.move_to(service, State::Starting);
        self.commands.push(Command::Start(service));
        let limit = self.nodes[service].settings.start_limit();
        if let Some(at) = limit.and_then(|limit| now.checked_add(limit)) {
            self.set_alarm(at, service, Due::StartTimeout);
        }
    }

    pub(super) fn start_timed_out(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        // `None` if the service has turned out to be one whose start has no limit.
        let Some(limit) = node.settings.start_limit() else {
            return;
        };
        if !node.is_starting() {
            return;
        }
        node.readiness = Readiness::TimedOut;
        self.failed(service, Failure::StartTimeout(limit), now);
        self.commands.push(Command::Cut(service));
    }

    /// The service failed before it was up.
    pub(super) fn failed_to_start(&mut self, service: usize, now: Instant) {
        let failed = self.fail_dependents(service);
        // Only after all failures are recorded, because a policy may stop the application, and that discards those
        // that are kept as stopped.
        for &service in &failed {
            self.discard(service, now);
        }
        for &service in &failed {
            self.obey_policy(service, now);
        }
        // Only after all policies, because no service may start if one of them stops the application.
        for service in failed {
            self.release_wanting(service, now);
        }
    }

    /// Fails all services that need the failed one, directly or through others: they never start. Returns
    /// the failed service and these.
    fn fail_dependents(&mut self, root: usize) -> Vec<usize> {
        let mut failed = vec![root];
        let mut reached = vec![root];
        while let Some(service) = reached.pop() {
            for edge in 0..self.graph.dependents(service).len() {
                let Edge { service, kind, .. } = self.graph.dependents(service)[edge];
                let dependent = service as usize;
                let is_down =
                    matches!(self.nodes[dependent].state, State::Waiting | State::Backoff);
                if kind == DependencyKind::Wants || !is_down {
                    continue;
                }
                self.commands
                    .push(Command::Fail(dependent, Failure::Dependency(root), None));
                self.move_to(dependent, State::Failed);
                if self.nodes[dependent].life == Life::Unborn {
                    self.nodes[dependent].life = Life::Gone;
                    self.gone += 1;
                }
                failed.push(dependent);
                reached.push(dependent);
            }
        }
        failed
    }

    /// Does what the policy of the failed service says.
    pub(super) fn obey_policy(&mut self, service: usize, now: Instant) {
        let node = &self.nodes[service];
        // The failure of a member that is being removed is told to the caller.
        if node.settings.on_failure.ends_ignored() || node.leaves() {
            if self.nodes[service].life == Life::Up {
                self.ask(service, now);
            }
            return;
        }
        if matches!(self.stage, Stage::Up) {
            self.commands
                .push(Command::Request(StopCause::Failed(service)));
        }
        self.requested(now, now, true);
    }
}
