//! The restart of one service, or of several that restart together, while the application goes on.
//!
//! A service is asked to stop as in its turn. When it is down it backs off, waits for its dependencies, and is
//! started. Dependents that run are left alone, and waiting ones wait on; those that say that they restart with
//! it are stopped first, and started after it. A request to stop the application cancels every restart.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::alarms::Due;
use super::graph::DependencyKind;
use super::node::{Life, Readiness};
use super::stop::Stage;
use super::{Command, Engine, Failure};
use crate::report::status::{OnFailure, State};

/// Why a service is not restarted by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The application is being stopped.
    Stopping,
    /// It waits for what it needs.
    NotRunning,
    /// It has ended.
    Ended,
    /// The service whose code asks is one of those that would be stopped.
    FromWithin,
}

impl Engine {
    /// Restarts the service by hand: stops it if it is up, and starts it as soon as it is down. `asker` is the
    /// service whose code asks, if one does.
    pub(crate) fn restart(
        &mut self,
        service: usize,
        asker: Option<usize>,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !matches!(self.stage, Stage::Up) {
            return Err(Refusal::Stopping);
        }
        match (
            self.nodes[service].state,
            self.nodes[service].restarts.after,
        ) {
            (State::Backoff, _) => self.end_backoff(service, now),
            (State::Starting | State::Running | State::Stopping, Some(_)) => {
                self.nodes[service].restarts.after = Some(Duration::ZERO);
            }
            (State::Starting | State::Running, None) => {
                if asker.is_some_and(|asker| self.restarting_with(service).contains(&asker)) {
                    return Err(Refusal::FromWithin);
                }
                self.commands.push(Command::RestartsWith(service, None));
                self.take_down(service, Duration::ZERO, now);
            }
            (State::New | State::Waiting | State::Standby, _) => return Err(Refusal::NotRunning),
            (State::Stopping | State::Stopped | State::Failed | State::Disabled, _) => {
                return Err(Refusal::Ended);
            }
        }
        Ok(())
    }

    /// Restarts the service by hand, with a wait between its end and its next start.
    #[cfg(test)]
    pub(crate) fn restart_after(&mut self, service: usize, wait: Duration, now: Instant) {
        if self.restart(service, None, now).is_ok() {
            self.nodes[service].restarts.after = Some(wait);
        }
    }

    /// Stops a service that is up, after those that restart with it, and starts it again `wait` after it is down.
    pub(super) fn take_down(&mut self, root: usize, wait: Duration, now: Instant) {
        let services = self.restarting_with(root);
        for &service in &services {
            self.nodes[service].restarts.goes_first |= service != root;
            let node = &self.nodes[service];
            if node.restarts.after.is_some() || (service != root && node.life == Life::Asked) {
                // It is being stopped already: for a restart of its own, or for good.
                continue;
            }
            let wait = if service == root {
                wait
            } else {
                Duration::ZERO
            };
            self.nodes[service].restarts.after = Some(wait);
            self.hold_dependents(service);
            if service != root {
                self.commands
                    .push(Command::RestartsWith(service, Some(root)));
            }
            self.commands.push(Command::Keep(service, true));
            self.held.push(service);
        }
        if self.is_held(root) {
            // It counts as down at once, though those that go first come first.
            self.move_to(root, State::Stopping);
        }
        self.stop_held(now);
    }

    /// The service, and the services that restart with it, directly or through others, and are not down.
    fn restarting_with(&self, root: usize) -> Vec<usize> {
        let mut found = vec![root];
        let mut seen = HashSet::from([root]);
        let mut next = 0;
        while let Some(&service) = found.get(next) {
            next += 1;
            let dependents = self.graph.dependents(service).iter();
            for edge in dependents.filter(|edge| edge.restarts) {
                let dependent = edge.service as usize;
                let node = &self.nodes[dependent];
                let is_up = node.life == Life::Up && !node.state.is_final();
                if (is_up || node.life == Life::Asked) && seen.insert(dependent) {
                    found.push(dependent);
                }
            }
        }
        found
    }

    /// Asks those of the held services to stop that need not wait for another.
    pub(super) fn stop_held(&mut self, now: Instant) {
        for service in std::mem::take(&mut self.held) {
            let node = &self.nodes[service];
            if node.life != Life::Up || node.restarts.after.is_none() {
                continue;
            }
            if self.is_held(service) {
                self.held.push(service);
            } else {
                self.ask(service, now);
            }
        }
    }

    /// Whether a dependent that goes first, direct or further, is not down yet.
    fn is_held(&self, service: usize) -> bool {
        let mut seen = HashSet::new();
        let mut further = vec![service];
        while let Some(service) = further.pop() {
            for edge in self.graph.dependents(service) {
                let dependent = edge.service as usize;
                let node = &self.nodes[dependent];
                if node.restarts.goes_first && matches!(node.life, Life::Up | Life::Asked) {
                    return true;
                }
                if seen.insert(dependent) {
                    further.push(dependent);
                }
            }
        }
        false
    }

    /// The service is no longer up, so its dependents count it as missing again.
    pub(super) fn hold_dependents(&mut self, service: usize) {
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
        let node = &mut self.nodes[service];
        node.life = Life::Kept;
        node.restarts.up_since = None;
        if node.lacks_lease() {
            self.stand_by(service, now);
            return;
        }
        node.step += 1;
        let at = now.checked_add(wait);
        if let Some(at) = at.filter(|at| *at > now) {
            self.commands.push(Command::StartsAt(service, at));
            self.set_alarm(at, service, Due::BackoffOver);
        }
        self.move_to(service, State::Backoff);
        if wait.is_zero() {
            self.end_backoff(service, now);
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

    /// A dependency that has failed for good while the service itself ran, if there is one.
    pub(super) fn lost_dependency(&self, service: usize) -> Option<usize> {
        let mut dependencies = self.graph.dependencies(service).iter();
        let lost = dependencies.find(|edge| {
            let node = &self.nodes[edge.service as usize];
            edge.kind == DependencyKind::After && node.state == State::Failed
        });
        lost.map(|edge| edge.service as usize)
    }

    /// The service is up: sets the alarm for when the restarts before are forgotten.
    pub(super) fn watch_over_restarts(&mut self, service: usize, now: Instant) {
        let node = &self.nodes[service];
        let OnFailure::Restart(policy) = node.settings.on_failure else {
            return;
        };
        if let Some(at) = now
            .checked_add(policy.forgets_after())
            .filter(|_| node.restarts.in_a_row > 0)
        {
            self.set_alarm(at, service, Due::RestartsForgotten);
        }
    }

    /// A stop of the application was requested: cancels every restart.
    pub(super) fn forget_restarts(&mut self, now: Instant) {
        self.held.clear();
        self.seek_no_leases();
        for service in 0..self.nodes.len() {
            self.forget_restart(service);
            self.nodes[service].restarts.goes_first = false;
            if self.nodes[service].state == State::Backoff {
                self.move_to(service, State::Stopped);
                self.discard(service, now);
            }
        }
    }

    /// Cancels the restart of a service that is being stopped.
    pub(super) fn forget_restart(&mut self, service: usize) {
        if self.nodes[service].restarts.after.take().is_some() {
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
