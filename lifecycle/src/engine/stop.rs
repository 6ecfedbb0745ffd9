//! The way down: one deadline for all, dependents before their dependencies, nobody waits longer
//! than their time.

use std::time::Duration;

use tokio::time::Instant;

use super::node::Life;
use super::timers::Alarm;
use super::{Command, Engine};
use crate::status::State;

/// How far the application is on its way down.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nobody has asked it to stop.
    Up,
    /// Asked. The services are untouched until the owner says so and the delay is over.
    Requested {
        deadline: Option<Instant>,
        not_before: Instant,
        owner_agrees: bool,
    },
    /// The services are being stopped.
    Stopping { deadline: Option<Instant> },
}

/// How long a service that was told to end may take to drop what it holds before the others go on
/// without it. Far more than a task that gets a thread needs, on a busy machine too; only a blocked
/// one ever uses it.
const MOMENT: Duration = Duration::from_millis(200);

impl Engine {
    /// Somebody asked the application to stop: from now on nothing starts, and time runs. `hurry`
    /// skips the shutdown delay.
    pub(crate) fn requested(&mut self, now: Instant, hurry: bool) {
        match &mut self.stage {
            Stage::Up => {
                let deadline = now.checked_add(self.limits.deadline);
                let delayed = if hurry {
                    None
                } else {
                    now.checked_add(self.limits.shutdown_delay)
                };
                let not_before = delayed.unwrap_or(now);
                self.stage = Stage::Requested {
                    deadline,
                    not_before,
                    owner_agrees: false,
                };
                if let Some(deadline) = deadline {
                    self.timers.set(deadline, Alarm::Deadline);
                }
            }
            Stage::Requested { not_before, .. } if hurry => {
                *not_before = now;
                self.stop_if_due(now);
            }
            Stage::Requested { .. } | Stage::Stopping { .. } => {}
        }
    }

    /// The owner of the running registry wants the services stopped.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.requested(now, false);
        if let Stage::Requested {
            owner_agrees,
            not_before,
            ..
        } = &mut self.stage
        {
            *owner_agrees = true;
            if *not_before > now {
                self.timers.set(*not_before, Alarm::DelayOver);
            }
        }
        self.stop_if_due(now);
    }

    pub(super) fn stop_if_due(&mut self, now: Instant) {
        match self.stage {
            Stage::Requested {
                deadline,
                not_before,
                owner_agrees: true,
            } if not_before <= now => {
                self.stage = Stage::Stopping { deadline };
                self.stop_services(now);
            }
            _ => {}
        }
    }

    fn stop_services(&mut self, now: Instant) {
        for service in 0..self.nodes.len() {
            if self.nodes[service].life == Life::Unborn {
                self.nodes[service].life = Life::Gone;
                self.gone += 1;
                self.move_to(service, State::Stopped);
            }
        }
        for service in 0..self.nodes.len() {
            if self.nodes[service].open == 0 {
                self.take_turn(service, now);
            }
        }
    }

    /// Every dependent of the service, direct or further, is down: now it is its turn. One that is
    /// gone passes the turn on to its dependencies: it does not break the chain, and does not
    /// shorten it.
    pub(super) fn take_turn(&mut self, service: usize, now: Instant) {
        let mut turns = vec![service];
        while let Some(service) = turns.pop() {
            self.nodes[service].has_turn = true;
            match self.nodes[service].life {
                Life::Up => self.ask(service, now),
                Life::Asked => {}
                Life::Unborn | Life::Gone => {
                    self.passed += 1;
                    for &dependency in self.graph.dependencies(service) {
                        let node = &mut self.nodes[dependency as usize];
                        node.open -= 1;
                        if node.open == 0 {
                            turns.push(dependency as usize);
                        }
                    }
                }
            }
        }
    }

    /// Asks one service to stop. Its time ends with its own timeout or with the application's
    /// deadline, whichever is first; a quarter of it is kept for the drain.
    pub(super) fn ask(&mut self, service: usize, now: Instant) {
        let end = self.end_of_time(service, now);
        let node = &mut self.nodes[service];
        node.life = Life::Asked;
        node.asked_at = Some(now);
        let keeps_reserve = !node.terms.oneshot;
        if matches!(node.state, State::Starting | State::Running) {
            self.move_to(service, State::Stopping);
        }
        self.commands.push(Command::Stop(service, end));
        let Some(end) = end else { return };
        let budget = end.saturating_duration_since(now);
        if budget.is_zero() {
            // Whoever can stop without waiting still may: the task looks once before it obeys.
            self.cut(service);
            self.end(service, now);
            return;
        }
        if keeps_reserve {
            self.timers
                .set(end - budget / 4, Alarm::Cut(service as u32));
        }
        self.timers.set(end, Alarm::End(service as u32));
    }

    fn end_of_time(&self, service: usize, now: Instant) -> Option<Instant> {
        let own = now.checked_add(self.nodes[service].terms.stop_timeout);
        let common = match self.stage {
            Stage::Up => None,
            Stage::Requested { deadline, .. } | Stage::Stopping { deadline } => {
                deadline.map(|at| at.max(now))
            }
        };
        match (own, common) {
            (Some(own), Some(common)) => Some(own.min(common)),
            (own, common) => own.or(common),
        }
    }

    pub(super) fn cut(&mut self, service: usize) {
        if self.nodes[service].life == Life::Asked {
            self.commands.push(Command::Cut(service));
        }
    }

    pub(super) fn end(&mut self, service: usize, now: Instant) {
        if self.nodes[service].life != Life::Asked {
            return;
        }
        self.commands.push(Command::End(service));
        if let Some(at) = now.checked_add(MOMENT) {
            self.timers.set(at, Alarm::GiveUp(service as u32));
        }
    }

    /// The deadline of all: those that were asked before it was known end here too.
    pub(super) fn end_all(&mut self, now: Instant) {
        for service in 0..self.nodes.len() {
            self.end(service, now);
        }
    }

    pub(super) fn give_up(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        if node.life != Life::Asked {
            return;
        }
        node.late = true;
        let had = now.saturating_duration_since(node.asked_at.unwrap_or(now));
        self.commands.push(Command::GiveUp(service, had));
        self.down(service, now);
    }
}
