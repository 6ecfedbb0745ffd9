//! The way up: who may start, and what a failure before that means to those who wait.

use tokio::time::Instant;

use super::alarms::Due;
use super::graph::{Edge, Kind};
use super::node::{Life, Readiness};
use super::stop::Stage;
use super::sweep::Purpose;
use super::{Command, Engine, Failure, StopCause};
use crate::report::status::OnFailure;
use crate::report::status::State;

impl Engine {
    /// Starts every service that depends on nothing; the others wait.
    pub(crate) fn begin(&mut self, now: Instant) {
        if self.not_up == 0 {
            // None of them counts.
            self.commands.push(Command::AllUp);
        }
        self.begin_round(Purpose::Wait, now);
    }

    /// The service says it is ready.
    pub(crate) fn ready(&mut self, service: usize, now: Instant) {
        let node = &self.nodes[service];
        // A oneshot is ready when it has succeeded.
        if node.state != State::Starting || node.settings.oneshot {
            return;
        }
        self.nodes[service].readiness = Readiness::Reached;
        self.move_to(service, State::Running);
        self.release_dependents(service, now);
    }

    /// The service turns out to be a oneshot, once it has started.
    pub(crate) fn is_oneshot(&mut self, service: usize) {
        self.nodes[service].settings.oneshot = true;
    }

    /// It is up: those that need it and those that want it have waited for that.
    pub(super) fn release_dependents(&mut self, service: usize, now: Instant) {
        for edge in 0..self.graph.dependents(service).len() {
            let dependent = self.graph.dependents(service)[edge].service;
            self.release(dependent as usize, now);
        }
    }

    /// It will never be up: those that only want it go on without it.
    fn release_wanting(&mut self, service: usize, now: Instant) {
        for edge in 0..self.graph.dependents(service).len() {
            let dependent = self.graph.dependents(service)[edge];
            if dependent.kind == Kind::Wants {
                self.release(dependent.service as usize, now);
            }
        }
    }

    /// One of its dependencies holds it up no longer. Called once for each.
    fn release(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        node.missing -= 1;
        if node.missing == 0 && node.state == State::Waiting {
            self.launch(service, now);
        }
    }

    /// Nothing starts any more once a stop was requested.
    pub(super) fn launch(&mut self, service: usize, now: Instant) {
        if !matches!(self.stage, Stage::Up) {
            return;
        }
        let node = &mut self.nodes[service];
        node.life = Life::Up;
        node.step += 1;
        node.has_left = false;
        self.move_to(service, State::Starting);
        self.commands.push(Command::Start(service));
        let limit = self.nodes[service].settings.start_limit();
        if let Some(at) = limit.and_then(|limit| now.checked_add(limit)) {
            self.set_alarm(at, service, Due::StartTimeout);
        }
    }

    pub(super) fn start_timed_out(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        // None, when it has turned out to be a oneshot, which may take its time.
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

    /// It failed before it was up.
    pub(super) fn failed_to_start(&mut self, service: usize, now: Instant) {
        let failed = self.fail_dependents(service);
        // Once all that failed has been noted: obeying may be the end of everything else.
        for &service in &failed {
            self.discard(service, now);
            self.obey_policy(service, now);
        }
        // And once all are obeyed: where one of them ends the application, nothing starts any more.
        for service in failed {
            self.release_wanting(service, now);
        }
    }

    /// Those that need a service that failed, directly or further on, fail with it and are never
    /// started. Answers which they are, itself first.
    fn fail_dependents(&mut self, root: usize) -> Vec<usize> {
        let mut failed = vec![root];
        let mut reached = vec![root];
        while let Some(service) = reached.pop() {
            for edge in 0..self.graph.dependents(service).len() {
                let Edge { service, kind } = self.graph.dependents(service)[edge];
                let dependent = service as usize;
                let is_down =
                    matches!(self.nodes[dependent].state, State::Waiting | State::Backoff);
                if kind == Kind::Wants || !is_down {
                    continue;
                }
                self.commands
                    .push(Command::Fail(dependent, Failure::Dependency(root)));
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

    /// What the failure of this service means to the application.
    pub(super) fn obey_policy(&mut self, service: usize, now: Instant) {
        match self.nodes[service].settings.on_failure {
            OnFailure::Ignore => {
                if self.nodes[service].life == Life::Up {
                    self.ask(service, now);
                }
            }
            OnFailure::Shutdown => {
                if matches!(self.stage, Stage::Up) {
                    self.commands
                        .push(Command::Request(StopCause::Failed(service)));
                }
                self.requested(now, now, true);
            }
        }
    }
}
