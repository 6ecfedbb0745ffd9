//! The way down: one deadline for all, dependents before their dependencies, nobody waits longer
//! than their time.

use std::time::Duration;

use tokio::time::Instant;

use super::node::Life;
use super::round::Purpose;
use super::timers::Alarm;
use super::{Command, Engine};
use crate::status::State;

/// How far the application is on its way down.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nobody has asked it to stop.
    Up,
    /// Asked. The services are untouched until the owner says so and the delay is over (never, if it
    /// ends past the end of time).
    Requested {
        deadline: Option<Instant>,
        not_before: Option<Instant>,
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
                let delay = if hurry {
                    Duration::ZERO
                } else {
                    self.limits.shutdown_delay.min(self.limits.deadline)
                };
                self.stage = Stage::Requested {
                    deadline,
                    not_before: now.checked_add(delay),
                    owner_agrees: false,
                };
                self.shorten_to_deadline(now);
            }
            Stage::Requested { not_before, .. } if hurry => {
                *not_before = Some(now);
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
            if let Some(at) = not_before.filter(|at| *at > now) {
                self.timers.set(at, Alarm::DelayOver);
            }
        }
        self.stop_if_due(now);
    }

    pub(super) fn stop_if_due(&mut self, now: Instant) {
        match self.stage {
            Stage::Requested {
                deadline,
                not_before: Some(not_before),
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
                self.move_to(service, State::Stopped);
            }
        }
        self.begin_round(Purpose::Stop, now);
    }

    /// Every dependent of the service, direct or further, is down: now it is its turn. One that is
    /// gone passes the turn on to its dependencies: it does not break the chain, and does not
    /// shorten it.
    pub(super) fn take_turn(&mut self, service: usize, now: Instant) {
        let mut next = Some(service);
        let mut further = Vec::new();
        while let Some(service) = next {
            self.nodes[service].has_turn = true;
            match self.nodes[service].life {
                Life::Up => self.ask(service, now),
                Life::Asked => {}
                Life::Unborn | Life::Gone => {
                    self.passed += 1;
                    for dependency in self.graph.dependencies(service) {
                        let dependency = dependency.service as usize;
                        let node = &mut self.nodes[dependency];
                        node.open -= 1;
                        if node.open == 0 {
                            further.push(dependency);
                        }
                    }
                }
            }
            next = further.pop();
        }
    }

    /// Asks one service to stop. Its time ends with its own timeout or with the application's
    /// deadline, whichever is first.
    pub(super) fn ask(&mut self, service: usize, now: Instant) {
        let own = now.checked_add(self.nodes[service].terms.stop_timeout);
        let end = match (own, self.deadline()) {
            (Some(own), Some(deadline)) => Some(own.min(deadline.max(now))),
            (own, deadline) => own.or(deadline),
        };
        let node = &mut self.nodes[service];
        node.life = Life::Asked;
        node.asked_at = Some(now);
        node.end = end;
        if matches!(node.state, State::Starting | State::Running) {
            self.move_to(service, State::Stopping);
        }
        self.commands.push(Command::Stop(service, end));
        if let Some(end) = end {
            self.bound(service, end, now);
        }
    }

    /// Those that were asked before the deadline was known have no more time than it leaves.
    fn shorten_to_deadline(&mut self, now: Instant) {
        let Some(deadline) = self.deadline() else {
            return;
        };
        for service in 0..self.nodes.len() {
            let node = &mut self.nodes[service];
            if node.life == Life::Asked && node.end.is_none_or(|end| deadline < end) {
                node.end = Some(deadline);
                self.commands.push(Command::Shorten(service, deadline));
                self.bound(service, deadline, now);
            }
        }
    }

    /// When the time of a service is over that has had it from this instant on.
    pub(crate) fn end_of(&self, service: usize, asked: Instant) -> Option<Instant> {
        let own = asked.checked_add(self.nodes[service].terms.stop_timeout);
        own.into_iter().chain(self.deadline()).min()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Up => None,
            Stage::Requested { deadline, .. } | Stage::Stopping { deadline } => deadline,
        }
    }

    /// Sets the alarms of a service that has until `end`. A quarter of that is kept for the drain; a
    /// oneshot has none, and may use it all.
    fn bound(&mut self, service: usize, end: Instant, now: Instant) {
        let budget = end.saturating_duration_since(now);
        if budget.is_zero() {
            // Whoever can stop without waiting still may: the task looks once before it obeys.
            self.cut(service);
            self.end(service, now);
            return;
        }
        if !self.nodes[service].terms.oneshot {
            self.timers
                .set(end - budget / 4, Alarm::Cut(service as u32));
        }
        self.timers.set(end, Alarm::End(service as u32));
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
