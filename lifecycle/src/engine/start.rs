//! The way up: who may start, and what a failure before that means to those who wait.

use tokio::time::Instant;

use super::node::{Life, Readiness};
use super::round::Purpose;
use super::stop::Stage;
use super::timers::Alarm;
use super::{Because, Command, Engine, Failure};
use crate::registry::OnFailure;
use crate::status::State;

impl Engine {
    /// Starts every service that depends on nothing; the others wait.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.begin_round(Purpose::Wait, now);
    }

    /// The service says it is ready.
    pub(crate) fn ready(&mut self, service: usize, now: Instant) {
        let node = &self.nodes[service];
        // A oneshot is ready when it has succeeded.
        if node.state != State::Starting || node.terms.oneshot {
            return;
        }
        self.nodes[service].readiness = Readiness::Reached;
        self.move_to(service, State::Running);
        self.release_dependents(service, now);
    }

    /// The service turns out to be a oneshot, once it has started.
    pub(crate) fn is_oneshot(&mut self, service: usize) {
        self.nodes[service].terms.oneshot = true;
    }

    pub(super) fn release_dependents(&mut self, service: usize, now: Instant) {
        for edge in 0..self.graph.dependents(service).len() {
            let dependent = self.graph.dependents(service)[edge] as usize;
            let node = &mut self.nodes[dependent];
            node.missing -= 1;
            if node.missing == 0 && node.state == State::Waiting {
                self.launch(dependent, now);
            }
        }
    }

    /// Nothing starts any more once a stop was requested.
    pub(super) fn launch(&mut self, service: usize, now: Instant) {
        if !matches!(self.stage, Stage::Up) {
            return;
        }
        self.nodes[service].life = Life::Up;
        self.move_to(service, State::Starting);
        self.commands.push(Command::Start(service));
        let limit = self.nodes[service].terms.start_limit();
        if let Some(at) = limit.and_then(|limit| now.checked_add(limit)) {
            self.timers.set(at, Alarm::StartTimeout(service as u32));
        }
    }

    pub(super) fn start_timed_out(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        // None, when it has turned out to be a oneshot, which may take its time.
        let Some(limit) = node.terms.start_limit() else {
            return;
        };
        if !node.is_starting() {
            return;
        }
        node.readiness = Readiness::TimedOut;
        self.failed(service, Failure::StartTimeout(limit), now);
        self.commands.push(Command::Cut(service));
    }

    /// Those that wait for a service that failed, directly or further on, fail with it and are never
    /// started. Answers which they are.
    pub(super) fn fail_dependents(&mut self, root: usize) -> Vec<usize> {
        let mut failed = Vec::new();
        let mut reached = vec![root];
        while let Some(service) = reached.pop() {
            for edge in 0..self.graph.dependents(service).len() {
                let dependent = self.graph.dependents(service)[edge] as usize;
                if self.nodes[dependent].state != State::Waiting {
                    continue;
                }
                self.commands
                    .push(Command::Fail(dependent, Failure::Dependency(root)));
                self.nodes[dependent].life = Life::Gone;
                self.gone += 1;
                self.move_to(dependent, State::Failed);
                failed.push(dependent);
                reached.push(dependent);
            }
        }
        failed
    }

    /// What the failure of this service means to the application.
    pub(super) fn obey_policy(&mut self, service: usize, now: Instant) {
        match self.nodes[service].terms.on_failure {
            OnFailure::Ignore => {
                if self.nodes[service].life == Life::Up {
                    self.ask(service, now);
                }
            }
            OnFailure::Shutdown => {
                if matches!(self.stage, Stage::Up) {
                    self.commands
                        .push(Command::Request(Because::Failed(service)));
                }
                self.requested(now, true);
            }
        }
    }
}
