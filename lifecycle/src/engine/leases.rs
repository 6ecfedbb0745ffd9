//! The services of which one replica runs each: a service waits on standby for its lease, and stops when it loses it.
//!
//! A service on standby is up as far as others are concerned: its dependents start, and the application is ready.
//! While it starts with its lease it is not up, as at any start.

use std::time::Duration;

use tokio::time::Instant;

use super::alarms::Due;
use super::node::{Life, Readiness};
use super::stop::Stage;
use super::{Command, Engine, Failure};
use crate::report::status::State;

impl Engine {
    /// The service could start, but for its lease.
    pub(super) fn stand_by(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        node.step += 1;
        node.readiness = Readiness::Reached;
        self.move_to(service, State::Standby);
        self.commands.push(Command::SeekLease(service));
        self.release_dependents(service, now);
    }

    /// The service has its lease.
    pub(crate) fn granted(&mut self, service: usize, now: Instant) {
        let is_awaited = self.nodes[service].state == State::Standby;
        if !is_awaited || !matches!(self.stage, Stage::Up) {
            self.commands.push(Command::EndLease(service, true));
            return;
        }
        if let Some(root) = self.lost_dependency(service) {
            self.commands.push(Command::EndLease(service, true));
            self.fail_on_standby(service, Failure::Dependency(root), now);
            return;
        }
        self.hold_dependents(service);
        if self.nodes[service].missing == 0 {
            self.nodes[service].lease.is_held = true;
            self.launch(service, now);
        } else {
            // Another replica may have what this one lacks.
            self.commands.push(Command::EndLease(service, true));
            self.move_to(service, State::Waiting);
        }
    }

    /// The service has lost its lease. What runs of it may go on until this instant.
    pub(crate) fn lost(&mut self, service: usize, until: Instant, now: Instant) {
        let node = &mut self.nodes[service];
        if !std::mem::take(&mut node.lease.is_held) {
            return;
        }
        node.lease.is_lost = true;
        match (node.state, node.life) {
            (State::Starting | State::Running, Life::Up) if matches!(self.stage, Stage::Up) => {
                self.take_down(service, Duration::ZERO, now);
                if self.nodes[service].life == Life::Up {
                    // Those that restart with it come first otherwise, and there is no time for that.
                    self.held.retain(|held| *held != service);
                    self.ask(service, now);
                }
            }
            (_, Life::Up) => self.ask(service, now),
            (State::Backoff, _) => self.stand_by(service, now),
            _ => {}
        }
        self.cut_by(service, until, now);
    }

    /// The store can't be used for this service at all.
    pub(crate) fn lease_failed(&mut self, service: usize, failure: Failure, now: Instant) {
        if self.nodes[service].state == State::Standby {
            self.fail_on_standby(service, failure, now);
        }
    }

    fn fail_on_standby(&mut self, service: usize, failure: Failure, now: Instant) {
        self.failed(service, failure, now);
        if self.nodes[service].life == Life::Unborn {
            self.nodes[service].life = Life::Gone;
            self.gone += 1;
        }
        self.discard(service, now);
        self.request_if_finished(now);
    }

    /// No lease is sought any more, because the application is to stop.
    pub(super) fn seek_no_leases(&mut self) {
        for service in 0..self.nodes.len() {
            if self.nodes[service].state == State::Standby {
                self.commands.push(Command::EndLease(service, true));
            }
        }
    }

    /// The service is down for good. A lease is given back only by code that has ended.
    pub(super) fn end_lease(&mut self, service: usize, has_ended: bool) {
        if std::mem::take(&mut self.nodes[service].lease.is_held) {
            self.commands.push(Command::EndLease(service, has_ended));
        }
    }

    /// What runs of a service that is being stopped is dropped at this instant at the latest. Its drain keeps its
    /// time.
    fn cut_by(&mut self, service: usize, at: Instant, now: Instant) {
        let node = &mut self.nodes[service];
        if node.life != Life::Asked {
            return;
        }
        if let Some(times) = node.times.as_mut().filter(|times| times.cut > at) {
            times.cut = at.max(now);
            let times = *times;
            self.commands.push(Command::Shorten(service, times));
        }
        if at <= now {
            self.cut(service);
        } else {
            self.set_alarm(at, service, Due::Cut);
        }
    }
}
