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
mod graph;
mod node;
pub(crate) mod settings;

mod start;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use self::alarms::{Alarm, Timers};
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
    /// Close the stop channel and have `stop` called; all must be over by these times, if there are
    /// any.
    Stop(usize, Option<StopTimes>),
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
            Alarm::StartTimeout(service) => !nodes[service as usize].is_starting(),
            Alarm::Cut(service) | Alarm::End(service) | Alarm::GiveUp(service) => {
                nodes[service as usize].life == Life::Gone
            }
            Alarm::DelayOver => matches!(stage, Stage::Stopping { .. }),
        })
    }

    /// Carries out what has come due.
    pub(crate) fn ring(&mut self, now: Instant) {
        while let Some(alarm) = self.timers.pop_due(now) {
            match alarm {
                Alarm::StartTimeout(service) => self.start_timed_out(service as usize, now),
                Alarm::Cut(service) => self.cut(service as usize),
                Alarm::End(service) => self.end(service as usize, now),
                Alarm::GiveUp(service) => self.give_up(service as usize, now),
                Alarm::DelayOver => self.stop_if_due(now),
            }
        }
    }

    /// The service failed. The first failure decides its state; further ones are only noted.
    pub(crate) fn failed(&mut self, service: usize, failure: Failure, now: Instant) {
        if self.nodes[service].life == Life::Gone {
            return;
        }
        self.commands.push(Command::Fail(service, failure));
        if self.nodes[service].state == State::Failed {
            return;
        }
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

    /// The service's task has come to its end.
    pub(crate) fn down(&mut self, service: usize, now: Instant) {
        let node = &mut self.nodes[service];
        if node.life == Life::Gone {
            return;
        }
        node.life = Life::Gone;
        self.gone += 1;
        // Nobody had asked it to stop: it is a oneshot that is done.
        let succeeded = node.state == State::Starting;
        if succeeded {
            node.readiness = Readiness::Reached;
        }
        match (node.state, node.late) {
            (State::Failed, _) => {}
            (_, true) => self.move_to(service, State::Failed),
            (_, false) => self.move_to(service, State::Stopped),
        }
        if succeeded {
            self.release_dependents(service, now);
        }
        if self.nodes[service].has_turn {
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
        self.commands.push(Command::Move(service, to));
        if !counts {
            return;
        }
        match (was_up, is_up) {
            (false, true) => {
                self.not_up -= 1;
                if self.not_up == 0 {
                    self.commands.push(Command::AllUp);
                }
            }
            (true, false) => self.not_up += 1,
            _ => {}
        }
    }

    fn request_if_finished(&mut self, now: Instant) {
        if self.gone == self.nodes.len() && matches!(self.stage, Stage::Up) {
            self.commands.push(Command::Request(StopCause::Finished));
            self.requested(now, now, true);
        }
    }
}
