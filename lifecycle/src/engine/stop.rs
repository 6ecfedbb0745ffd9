//! The stop: one deadline for all services, dependents before their dependencies, and each service with a
//! limited time.

use std::time::Duration;

use tokio::time::Instant;

use super::alarms::{Alarm, Due};
use super::graces::{ABORT_GRACE, MIN_ABORT_GRACE};
use super::node::Life;
use super::sweep::Purpose;
use super::{Command, Engine, StopTimes};
use crate::report::status::{OnLate, State};

/// How far the stop of the application has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// No stop was requested.
    Up,
    /// A stop was requested. The services go on until the owner of the registry agrees and the shutdown
    /// delay is over. A delay too long for an `Instant` never is.
    Requested {
        deadline: Option<Instant>,
        not_before: Option<Instant>,
        owner_agrees: bool,
    },
    /// The services are being stopped.
    Stopping { deadline: Option<Instant> },
}

impl Engine {
    /// The application was asked to stop at the instant `asked`, which may be long ago if the runtime was
    /// busy. No service starts from now on, and the deadline counts from `asked`. `hurry` skips the
    /// shutdown delay.
    pub(crate) fn requested(&mut self, asked: Instant, now: Instant, hurry: bool) {
        match &mut self.stage {
            Stage::Up => {
                let own = asked.checked_add(self.limits.deadline);
                let deadline = own.into_iter().chain(self.time_limit).min();
                let delay = if hurry {
                    Duration::ZERO
                } else {
                    self.limits.shutdown_delay.min(self.limits.deadline)
                };
                self.stage = Stage::Requested {
                    deadline,
                    not_before: asked.checked_add(delay),
                    owner_agrees: false,
                };
                self.forget_restarts(now);
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
        self.requested(now, now, false);
        if let Stage::Requested {
            owner_agrees,
            not_before,
            ..
        } = &mut self.stage
        {
            *owner_agrees = true;
            if let Some(at) = not_before.filter(|at| *at > now) {
                self.alarms.set(at, Alarm::DelayOver);
            }
        }
        self.stop_if_due(now);
    }

    /// The time for the stop is over at `at`, or sooner. It has no effect before a stop is requested.
    pub(crate) fn limit_time(&mut self, at: Instant, now: Instant) {
        if self.time_limit.is_some_and(|before| before <= at) {
            return;
        }
        self.time_limit = Some(at);
        match &mut self.stage {
            Stage::Up => return,
            Stage::Requested { deadline, .. } | Stage::Stopping { deadline } => {
                *deadline = Some(deadline.map_or(at, |deadline| deadline.min(at)));
            }
        }
        self.shorten_to_deadline(now);
    }

    /// The application is nested in a service that is over: its services have no time left.
    pub(crate) fn cut_short(&mut self, now: Instant) {
        self.requested(now, now, true);
        match &mut self.stage {
            Stage::Up => {}
            Stage::Requested {
                deadline,
                not_before,
                owner_agrees,
            } => {
                *deadline = Some(now);
                *not_before = Some(now);
                *owner_agrees = true;
            }
            Stage::Stopping { deadline } => *deadline = Some(now),
        }
        self.shorten_to_deadline(now);
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
            match self.nodes[service].life {
                Life::Unborn => {
                    self.nodes[service].life = Life::Gone;
                    self.move_to(service, State::Stopped);
                }
                Life::Kept => {
                    self.move_to(service, State::Stopped);
                    self.discard(service, now);
                }
                Life::Up | Life::Asked | Life::Gone => {}
            }
        }
        self.begin_round(Purpose::Stop, now);
    }

    /// The turn of the service in the stop order has come, because all its dependents are down. A service
    /// that is gone already passes the turn on to its dependencies.
    pub(super) fn take_turn(&mut self, service: usize, now: Instant) {
        let mut next = Some(service);
        let mut further = Vec::new();
        while let Some(service) = next {
            self.nodes[service].has_turn = true;
            match self.nodes[service].life {
                Life::Up | Life::Kept => self.ask(service, now),
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

    /// Asks one service to stop. Its time ends with its own timeout or with its share of the application's
    /// time, whichever is first.
    pub(super) fn ask(&mut self, service: usize, now: Instant) {
        let own = now.checked_add(self.nodes[service].settings.stop_timeout);
        let share = self.share(service, now);
        let times = own
            .into_iter()
            .chain(share)
            .min()
            .map(|end| self.times(service, end, now));
        let node = &mut self.nodes[service];
        let is_down = node.life == Life::Kept;
        node.life = Life::Asked;
        node.step += 1;
        node.asked_at = Some(now);
        node.times = times;
        if matches!(node.state, State::Starting | State::Running) {
            self.move_to(service, State::Stopping);
        }
        self.commands.push(if is_down {
            Command::Discard(service, times)
        } else {
            Command::Stop(service, times)
        });
        if let Some(times) = times {
            self.bound(service, times, now);
        }
    }

    /// Limits the time of the services that were asked to stop before the deadline was known.
    fn shorten_to_deadline(&mut self, now: Instant) {
        for service in 0..self.nodes.len() {
            if self.nodes[service].life != Life::Asked {
                continue;
            }
            let Some(end) = self.share(service, now) else {
                return;
            };
            let known = self.nodes[service].times;
            if known.is_some_and(|known| known.end <= end) {
                continue;
            }
            let mut times = self.times(service, end, now);
            if let Some(known) = known {
                times.cut = times.cut.min(known.cut);
            }
            self.nodes[service].times = Some(times);
            self.commands.push(Command::Shorten(service, times));
            self.bound(service, times, now);
        }
    }

    /// When the service's share of the application's time is over, if it is asked to stop now. If services
    /// below it are still to be stopped, its share is three quarters of what is left, so that each service
    /// that hangs leaves a quarter to those below.
    fn share(&mut self, service: usize, now: Instant) -> Option<Instant> {
        let deadline = self.deadline()?.max(now);
        let left = deadline - now;
        Some(if self.has_others_below(service) {
            deadline - left / 4
        } else {
            deadline
        })
    }

    /// Keeps a quarter of the time for the drain. A oneshot has no drain, so its `run` may use all of it.
    fn times(&self, service: usize, end: Instant, now: Instant) -> StopTimes {
        let reserve = if self.nodes[service].settings.oneshot {
            Duration::ZERO
        } else {
            end.saturating_duration_since(now) / 4
        };
        StopTimes {
            cut: end - reserve,
            end,
        }
    }

    /// What it means that this service was late.
    pub(crate) fn on_late(&self, service: usize) -> OnLate {
        self.nodes[service].settings.on_late
    }

    /// When the time to stop is over for a service that was asked at this instant.
    pub(crate) fn end_of(&self, service: usize, asked: Instant) -> Option<Instant> {
        let own = asked.checked_add(self.nodes[service].settings.stop_timeout);
        own.into_iter().chain(self.deadline()).min()
    }

    /// When the application's time to stop is over, once it was asked.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Up => None,
            Stage::Requested { deadline, .. } | Stage::Stopping { deadline } => deadline,
        }
    }

    /// Sets the alarms for the end of a service's times.
    fn bound(&mut self, service: usize, times: StopTimes, now: Instant) {
        if times.end <= now {
            // A service that needs no wait still stops in time: its task polls it once before it obeys.
            self.cut(service);
            self.end(service, now);
            return;
        }
        if times.cut < times.end {
            self.set_alarm(times.cut, service, Due::Cut);
        }
        self.set_alarm(times.end, service, Due::End);
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
        if let Some(at) = now.checked_add(self.abort_grace(service, now)) {
            self.set_alarm(at, service, Due::GiveUp);
        }
    }

    /// How long the service may take to obey: at most a quarter of the time that is left to those below
    /// it.
    fn abort_grace(&mut self, service: usize, now: Instant) -> Duration {
        let left = self
            .deadline()
            .map(|end| end.saturating_duration_since(now));
        match left.filter(|left| !left.is_zero()) {
            Some(left) if self.has_others_below(service) => {
                (left / 4).clamp(MIN_ABORT_GRACE, ABORT_GRACE)
            }
            _ => ABORT_GRACE,
        }
    }

    pub(super) fn give_up(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        if node.life != Life::Asked {
            return;
        }
        // A restart is lost with the service, which is a failure under any policy.
        let on_late = match self.stage {
            Stage::Up => OnLate::Fail,
            _ => node.settings.on_late,
        };
        node.late |= on_late == OnLate::Fail;
        let had = now.saturating_duration_since(node.asked_at.unwrap_or(now));
        self.commands.push(Command::GiveUp(service, had, on_late));
        if let Some(slots) = &mut self.slots {
            slots.blocked.insert(service);
        }
        self.end_lease(service, false);
        self.down(service, false, now);
    }
}
