//! Who starts, who stops, and when: events and the time go in, commands come out. No task, no
//! clock, no names.
//!
//! The supervisor feeds it and carries out what it says, in order. Everything is linear in services
//! and edges, and nothing recurses.

#![allow(
    clippy::cast_possible_truncation,
    reason = "services are counted in u32: four billion of them fit no memory"
)]

mod alarms;
pub(crate) mod graces;
mod graph;
mod node;
mod restart;
pub(crate) mod settings;

mod start;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use self::alarms::{Alarm, Due, Timers};
pub(crate) use self::graph::{Edge, Graph};
use self::node::{Life, Node, Readiness};
use self::stop::Stage;
use self::sweep::Round;
use crate::engine::settings::{RegistrySettings, ServiceSettings};
use crate::report::error::ServiceError;
use crate::report::status::{Phase, State};

/// What the supervisor must do. Services are meant by their index.
#[derive(Debug)]
pub(crate) enum Command {
    /// Show this state to the world.
    Move(usize, State),
    /// Run the service's task.
    Start(usize),
    /// When this run of the service is over the service is kept for another one, or is not after all.
    Keep(usize, bool),
    /// Close the stop channel and have `stop` called; all must be over by these times, if there are
    /// any.
    Stop(usize, Option<StopTimes>),
    /// It is down, and was kept for another run that will not come: drop it within this time, if there is any.
    Discard(usize, Option<StopTimes>),
    /// It has less time to stop than it was told.
    Shorten(usize, StopTimes),
    /// Drop `start` and the spawned tasks if they have not returned.
    Cut(usize),
    /// Drop whatever is left.
    End(usize),
    /// It does not let go of its thread: go on without it. It had this long.
    GiveUp(usize, Duration),
    /// Note a failure.
    Fail(usize, Failure),
    /// Note that this phase did not end in time and was dropped after so long.
    NoteLate(usize, Phase, Duration),
    /// Every service that counts is up.
    AllUp,
    /// One of them is down, to be started again.
    NotAllUp,
    /// Ask the application to stop.
    Request(StopCause),
}

/// When the parts of a service that is asked to stop are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopTimes {
    /// `start` and the spawned tasks.
    pub(crate) cut: Instant,
    /// Whatever is left.
    pub(crate) end: Instant,
}

/// Why a service failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Its task reported this.
    Reported(ServiceError),
    /// It was not ready within this time.
    StartTimeout(Duration),
    /// The service with this index failed before it was ready.
    Dependency(usize),
}

/// Why the engine itself asks the application to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StopCause {
    /// This service failed.
    Failed(usize),
    /// All services have ended by themselves.
    Finished,
}

#[derive(Debug)]
pub(crate) struct Engine {
    nodes: Vec<Node>,
    graph: Graph,
    limits: RegistrySettings,
    stage: Stage,
    timers: Timers,
    commands: Vec<Command>,
    /// Not through with all services yet.
    round: Option<Round>,
    /// How many services that count are not where a started application wants them.
    not_up: usize,
    /// How many had come to their end before anybody asked for a stop.
    gone: usize,
    /// How many have had their turn in the stop order and are gone.
    passed: usize,
}

impl Engine {
    pub(crate) fn new(
        graph: Graph,
        settings: impl IntoIterator<Item = ServiceSettings>,
        limits: RegistrySettings,
    ) -> Self {
        let nodes: Vec<Node> = settings
            .into_iter()
            .enumerate()
            .map(|(service, settings)| {
                Node::new(
                    settings,
                    graph.dependencies(service).len(),
                    graph.dependents(service).len(),
                )
            })
            .collect();
        Self {
            not_up: nodes.iter().filter(|node| node.counts()).count(),
            nodes,
            graph,
            limits,
            stage: Stage::Up,
            timers: Timers::default(),
            commands: Vec::new(),
            round: None,
            gone: 0,
            passed: 0,
        }
    }

    /// What is to be done next, in order, for a list that has been dealt with. To be called until it is
    /// nothing, before the engine is told what happens then.
    pub(crate) fn take_commands(&mut self, into: &mut Vec<Command>) {
        debug_assert!(
            into.is_empty(),
            "what was asked for before is still to be done"
        );
        self.go_on();
        std::mem::swap(&mut self.commands, into);
    }

    /// Whether every service has been stopped: nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.passed == self.nodes.len()
    }

    /// When [`ring`](Self::ring) must be called next.
    pub(crate) fn next_alarm(&mut self) -> Option<Instant> {
        let (nodes, stage) = (&self.nodes, &self.stage);
        self.timers.soonest(|alarm| match alarm {
            Alarm::Service { service, step, due } => {
                let node = &nodes[service as usize];
                let is_over = match due {
                    Due::StartTimeout => !node.is_starting(),
                    Due::Cut | Due::End | Due::GiveUp => node.life == Life::Gone,
                    Due::Again => node.state != State::Backoff,
                };
                is_over || node.step != step
            }
            Alarm::DelayOver => matches!(stage, Stage::Stopping { .. }),
        })
    }

    /// Carries out what has come due.
    pub(crate) fn ring(&mut self, now: Instant) {
        while let Some(alarm) = self.timers.pop_due(now) {
            match alarm {
                Alarm::Service { service, step, due } => {
                    let service = service as usize;
                    if self.nodes[service].step == step {
                        self.ring_for(service, due, now);
                    }
                }
                Alarm::DelayOver => self.stop_if_due(now),
            }
        }
    }

    fn ring_for(&mut self, service: usize, due: Due, now: Instant) {
        match due {
            Due::StartTimeout => self.start_timed_out(service, now),
            Due::Cut => self.cut(service),
            Due::End => self.end(service, now),
            Due::GiveUp => self.give_up(service, now),
            Due::Again => self.come_again(service, now),
        }
    }

    fn set_alarm(&mut self, at: Instant, service: usize, due: Due) {
        let step = self.nodes[service].step;
        let service = service as u32;
        self.timers.set(at, Alarm::Service { service, step, due });
    }

    /// The service failed. The first failure decides its state; further ones are only noted, and so is what
    /// fails while it is taken down to be started again, but for its drain: what that has not flushed is lost.
    pub(crate) fn failed(&mut self, service: usize, failure: Failure, now: Instant) {
        let node = &self.nodes[service];
        if node.life == Life::Gone {
            return;
        }
        let is_drain =
            matches!(&failure, Failure::Reported(error) if error.phase() == Phase::Drain);
        let is_only_noted = node.state.is_final() || node.comes_again.is_some() && !is_drain;
        self.commands.push(Command::Fail(service, failure));
        if is_only_noted {
            return;
        }
        self.forget_restart(service);
        self.move_to(service, State::Failed);
        if self.nodes[service].readiness == Readiness::Reached {
            self.obey_policy(service, now);
        } else {
            self.failed_to_start(service, now);
        }
        self.request_if_finished(now);
    }

    /// Whether the application was asked to stop, as far as the engine was told.
    pub(crate) fn is_stopping(&self) -> bool {
        !matches!(self.stage, Stage::Up)
    }

    /// The service's `start` has returned after the stop was requested: it waits for its turn, and
    /// drains in it.
    pub(crate) fn left(&mut self, service: usize) {
        self.nodes[service].has_left = true;
    }

    /// What ran in this phase was dropped because it was late.
    pub(crate) fn late(&mut self, service: usize, phase: Phase, now: Instant) {
        let node = &mut self.nodes[service];
        // A start timeout drops `start` too: that is a failure, and noted as one.
        let is_start = phase == Phase::Startup || node.settings.oneshot && phase != Phase::Drain;
        let timed_out = node.readiness == Readiness::TimedOut && is_start;
        if node.life != Life::Asked || timed_out {
            return;
        }
        node.late = true;
        let had = now.saturating_duration_since(node.asked_at.unwrap_or(now));
        self.commands.push(Command::NoteLate(service, phase, had));
    }

    /// The service's task has come to its end; whether the service was kept for another run.
    pub(crate) fn down(&mut self, service: usize, is_kept: bool, now: Instant) {
        let node = &mut self.nodes[service];
        if node.life == Life::Gone {
            return;
        }
        if let Some(wait) = node.comes_again.take().filter(|_| is_kept && !node.late) {
            self.back_off(service, wait, now);
            return;
        }
        // Nobody had asked it to stop: it is a oneshot that is done.
        let succeeded = node.state == State::Starting;
        if succeeded {
            node.readiness = Readiness::Reached;
        }
        // It was taken down on its own, and did not obey in time: it does not come again.
        let is_lost = node.late && !node.state.is_final() && matches!(self.stage, Stage::Up);
        if is_kept {
            node.life = Life::Resting;
        } else {
            node.life = Life::Gone;
            self.gone += 1;
        }
        match (node.state, node.late) {
            (State::Failed | State::Stopped, _) => {}
            (_, true) => self.move_to(service, State::Failed),
            (_, false) => self.move_to(service, State::Stopped),
        }
        self.discard(service, now);
        if succeeded {
            self.release_dependents(service, now);
        }
        if is_lost {
            self.failed_to_start(service, now);
        }
        if self.nodes[service].has_turn && !is_kept {
            self.take_turn(service, now);
        }
        self.request_if_finished(now);
    }

    fn move_to(&mut self, service: usize, to: State) {
        let node = &mut self.nodes[service];
        let was_up = node.is_up();
        node.state = to;
        let is_up = node.is_up();
        let counts = node.counts();
        if counts && was_up && !is_up {
            self.not_up += 1;
            // Before the move, so that where one is seen the other is.
            if self.not_up == 1 && self.nodes[service].comes_again.is_some() {
                self.commands.push(Command::NotAllUp);
            }
        }
        self.commands.push(Command::Move(service, to));
        if counts && !was_up && is_up {
            self.not_up -= 1;
            if self.not_up == 0 {
                self.commands.push(Command::AllUp);
            }
        }
    }

    fn request_if_finished(&mut self, now: Instant) {
        if self.gone == self.nodes.len() && matches!(self.stage, Stage::Up) {
            self.commands.push(Command::Request(StopCause::Finished));
            self.requested(now, now, true);
        }
    }
}
