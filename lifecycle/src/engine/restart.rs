//! Down on its own and up again, while the application goes on.
//!
//! A policy decides that a service is to be started again, and after what wait; here is what follows from that. The
//! service is asked to stop as in its turn, and when it is down it backs off, waits for what it needs, and is
//! started. Dependents that run are left alone, and those that wait go on waiting. A request to stop the
//! application beats all of it.

use std::time::Duration;

use tokio::time::Instant;

use super::alarms::Due;
use super::graph::Kind;
use super::node::{Life, Readiness};
use super::stop::Stage;
use super::{Command, Engine, Failure};
use crate::report::status::State;

impl Engine {
    /// Takes a service down that is up or on its way up, and starts it again that long after it is down.
    /// Changes nothing where it has failed or is down, or where the application is to stop.
    pub(crate) fn restart(&mut self, service: usize, wait: Duration, now: Instant) {
        let node = &mut self.nodes[service];
        let may_restart = matches!(node.state, State::Starting | State::Running)
            && node.life == Life::Up
            && matches!(self.stage, Stage::Up);
        if !may_restart {
            return;
        }
        node.comes_again = Some(wait);
        self.hold_dependents(service);
        self.commands.push(Command::Keep(service, true));
        self.ask(service, now);
    }

    /// It is not up any more: those that depend on it count it as missing again.
    fn hold_dependents(&mut self, service: usize) {
        if self.nodes[service].readiness != Readiness::Reached {
            return;
        }
        self.nodes[service].readiness = Readiness::Pending;
        for edge in self.graph.dependents(service) {
            self.nodes[edge.service as usize].missing += 1;
        }
    }

    /// It is down, and comes again.
    pub(super) fn back_off(&mut self, service: usize, wait: Duration, now: Instant) {
        self.nodes[service].life = Life::Resting;
        self.nodes[service].step += 1;
        self.move_to(service, State::Backoff);
        if let Some(at) = now.checked_add(wait) {
            self.set_alarm(at, service, Due::Again);
        }
    }

    /// Its wait is over.
    pub(super) fn come_again(&mut self, service: usize, now: Instant) {
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

    /// A dependency that it needs and that went down for good while it ran itself, if there is one.
    fn lost_dependency(&self, service: usize) -> Option<usize> {
        let mut dependencies = self.graph.dependencies(service).iter();
        let lost = dependencies.find(|edge| {
            let node = &self.nodes[edge.service as usize];
            edge.kind == Kind::After
                && node.state == State::Failed
                && node.readiness != Readiness::Reached
        });
        lost.map(|edge| edge.service as usize)
    }

    /// The application is to stop: nothing comes again.
    pub(super) fn forget_restarts(&mut self, now: Instant) {
        for service in 0..self.nodes.len() {
            self.forget_restart(service);
            if self.nodes[service].state == State::Backoff {
                self.move_to(service, State::Stopped);
                self.discard(service, now);
            }
        }
    }

    /// A service that is on its way down stays there.
    pub(super) fn forget_restart(&mut self, service: usize) {
        if self.nodes[service].comes_again.take().is_some() {
            self.commands.push(Command::Keep(service, false));
        }
    }

    /// It is down for good, and what was kept of it for another run goes: its destructor is its last code, and
    /// has the time of a stop.
    pub(super) fn discard(&mut self, service: usize, now: Instant) {
        if self.nodes[service].life == Life::Resting {
            self.ask(service, now);
        }
    }
}
