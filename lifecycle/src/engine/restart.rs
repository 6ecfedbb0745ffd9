//! The restart of one service while the application goes on.
//!
//! A policy decides that a service is restarted, and after what wait. The engine asks the service to stop as in
//! its turn. When the service is down it backs off, waits for its dependencies, and is started. Dependents that
//! run are left alone, and waiting ones wait on. A request to stop the application cancels every restart.

use std::time::Duration;

use tokio::time::Instant;

use super::alarms::Due;
use super::graph::DependencyKind;
use super::node::{Life, Readiness};
use super::stop::Stage;
use super::{Command, Engine, Failure};
use crate::report::status::State;

impl Engine {
    /// Stops a service that is starting or running, and starts it again `wait` after it is down. Changes
    /// nothing if it has failed or is down, or if a stop of the application was requested.
    pub(crate) fn restart(&mut self, service: usize, wait: Duration, now: Instant) {
        let node = &mut self.nodes[service];
        let may_restart = matches!(node.state, State::Starting | State::Running)
            && node.life == Life::Up
            && matches!(self.stage, Stage::Up);
        if !may_restart {
            return;
        }
        node.restart_after = Some(wait);
        self.hold_dependents(service);
        self.commands.push(Command::Keep(service, true));
        self.ask(service, now);
    }

    /// The service is no longer up, so its dependents count it as missing again.
    fn hold_dependents(&mut self, service: usize) {
        if self.nodes[service].readiness != Readiness::Reached {
            return;
        }
        self.nodes[service].readiness = Readiness::Pending;
        for edge in self.graph.dependents(service) {
            self.nodes[edge.service as usize].missing += 1;
        }
    }

    /// The service is down and will be restarted: begins its wait.
    pub(super) fn back_off(&mut self, service: usize, wait: Duration, now: Instant) {
        self.nodes[service].life = Life::Kept;
        self.nodes[service].step += 1;
        self.move_to(service, State::Backoff);
        if let Some(at) = now.checked_add(wait) {
            self.set_alarm(at, service, Due::BackoffOver);
        }
    }

    /// The wait of the service is over: starts it, or lets it wait for its dependencies.
    pub(super) fn end_backoff(&mut self, service: usize, now: Instant) {
        if self.nodes[service].state != State::Backoff {
            return;
        }
        if let Some(root) = self.lost_dependency(service) {
            self.failed(service, Failure::Dependency(root), now);
        } else if self.nodes[service].missing == 0 {
            self.launch(service, now);
        } else {
            self.move_to(service, State::Waiting);
        }
    }

    /// A dependency that failed while the service itself ran, if there is one.
    fn lost_dependency(&self, service: usize) -> Option<usize> {
        let mut dependencies = self.graph.dependencies(service).iter();
        let lost = dependencies.find(|edge| {
            let node = &self.nodes[edge.service as usize];
            edge.kind == DependencyKind::After
                && node.state == State::Failed
                && node.readiness != Readiness::Reached
        });
        lost.map(|edge| edge.service as usize)
    }

    /// A stop of the application was requested: cancels every restart.
    pub(super) fn forget_restarts(&mut self, now: Instant) {
        for service in 0..self.nodes.len() {
            self.forget_restart(service);
            if self.nodes[service].state == State::Backoff {
                self.move_to(service, State::Stopped);
                self.discard(service, now);
            }
        }
    }

    /// Cancels the restart of a service that is being stopped.
    pub(super) fn forget_restart(&mut self, service: usize) {
        if self.nodes[service].restart_after.take().is_some() {
            self.commands.push(Command::Keep(service, false));
        }
    }

    /// If the service was kept for another start, asks for its drop. Its destructor is its last code, and has
    /// the time of a stop.
    pub(super) fn discard(&mut self, service: usize, now: Instant) {
        if self.nodes[service].life == Life::Kept {
            self.ask(service, now);
        }
    }
}
