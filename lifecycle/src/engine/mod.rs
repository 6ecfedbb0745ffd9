//! Decides which service starts or stops, and when. Events and instants go in, commands come out. The
//! engine has no task, no clock and no names.
//!
//! The supervisor passes the events in and carries the commands out, in order. The cost of a start or a stop
//! is linear in services and edges, and no function recurses.

#![allow(
    clippy::cast_possible_truncation,
    reason = "services are counted in u32: four billion of them fit no memory"
)]

mod alarms;
mod below;
pub(crate) mod graces;
mod graph;
mod leases;
mod members;
mod node;
mod nodes;
mod policy;
pub(crate) mod restart;
pub(crate) mod settings;

mod start;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::alarms::{Alarm, Alarms, Due};
pub(crate) use self::graph::{DependencyKind, Edge, Graph};
use self::members::Slots;
use self::node::{Life, Node, Readiness};
use self::nodes::Nodes;
pub(crate) use self::policy::PlannedRestart;
use self::policy::Verdict;
use self::stop::Stage;
use self::sweep::Round;
use crate::engine::settings::{RegistrySettings, ServiceSettings, SharedSettings};
use crate::report::error::ServiceError;
use crate::report::status::{OnLate, Phase, State};

/// What the supervisor must do. Services are given by their index.
#[derive(Debug)]
pub(crate) enum Command {
    /// Show this state of the service.
    Move(usize, State),
    /// Start the service.
    Start(usize),
    /// Keep the service for another run when this one is over, or don't after all.
    Keep(usize, bool),
    /// Close the stop channel and have `stop` called. The service has these times to stop, if they are
    /// limited.
    Stop(usize, Option<StopTimes>),
    /// The service was kept for another run that will not follow: drop it. It has these times to do so, if
    /// they are limited.
    Discard(usize, Option<StopTimes>),
    /// The service has less time to stop than it was told.
    Shorten(usize, StopTimes),
    /// Drop `start` and the spawned tasks if they have not returned.
    Cut(usize),
    /// Drop the rest of the service's code.
    End(usize),
    /// The service blocks its thread: go on without it. It had this long to stop.
    GiveUp(usize, Duration, OnLate),
    /// Record a failure. It is the end of a service that has used up this many restarts, if that is why.
    Fail(usize, Failure, Option<u32>),
    /// Record a failure that another run of the service mends.
    Mend(usize, Failure, PlannedRestart),
    /// Log a failure of a run that is being stopped for a restart already.
    Note(usize, Failure),
    /// The service backs off, and is started at this instant.
    StartsAt(usize, Instant),
    /// The service is restarted by hand, or with this other one.
    RestartsWith(usize, Option<usize>),
    /// The service has been up for long enough: its restarts in a row are forgotten.
    ForgetRestarts(usize),
    /// Record that the code of this phase was dropped because it was late, after this long.
    NoteLate(usize, Phase, Duration, OnLate),
    /// Ask for the lease of the service until it is granted.
    SeekLease(usize),
    /// Ask for the lease of the service no more. If it is held, give it back or let its term end.
    EndLease(usize, bool),
    /// The member is down and removed: its number may be given to another one.
    Removed(usize),
    /// Every service that counts is up.
    AllUp,
    /// A service that counts is down for a restart.
    NotAllUp,
    /// Ask the application to stop.
    Request(StopCause),
}

/// When the parts of a service that is asked to stop are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopTimes {
    /// `start` and the spawned tasks.
    pub(crate) cut: Instant,
    /// The rest of its code.
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
    nodes: Nodes,
    /// The free nodes, if the services are the members of a group.
    slots: Option<Slots>,
    graph: Arc<Graph>,
    limits: RegistrySettings,
    stage: Stage,
    /// When the time for the stop is over at the latest, whenever it is requested.
    time_limit: Option<Instant>,
    alarms: Alarms,
    commands: Vec<Command>,
    /// The pass over all services that is under way.
    round: Option<Round>,
    /// The services that are to be stopped for a restart once those that go first are down.
    held: Vec<usize>,
    /// How many services that count for readiness are not up.
    not_up: usize,
    /// How many are gone.
    gone: usize,
    /// How many have had their turn in the stop order and are gone. When all have, the stop is over.
    passed: usize,
}

impl Engine {
    pub(crate) fn new(
        graph: Arc<Graph>,
        settings: impl IntoIterator<Item = ServiceSettings>,
        limits: RegistrySettings,
    ) -> Self {
        let settings: Vec<ServiceSettings> = settings.into_iter().collect();
        // A disabled service holds none up that wants it. One that needs it is disabled too.
        let is_awaited = |edge: &&Edge| !settings[edge.service as usize].disabled;
        let mut shared = SharedSettings::default();
        let node = |(service, of_it)| {
            let awaited = graph.dependencies(service).iter().filter(is_awaited);
            let of_it = shared.get(of_it);
            Node::new(of_it, awaited.count(), graph.dependents(service).len())
        };
        let nodes: Nodes = settings.iter().enumerate().map(node).collect();
        Self {
            not_up: nodes.iter().filter(|node| node.counts()).count(),
            gone: settings.iter().filter(|settings| settings.disabled).count(),
            nodes,
            slots: None,
            graph,
            limits,
            stage: Stage::Up,
            time_limit: None,
            alarms: Alarms::default(),
            commands: Vec::new(),
            round: None,
            held: Vec::new(),
            passed: 0,
        }
    }

    /// Swaps the next commands into an empty list. Callers must carry them out and call this again, until
    /// it gives none, before they pass the next event in.
    pub(crate) fn take_commands(&mut self, into: &mut Vec<Command>) {
        debug_assert!(
            into.is_empty(),
            "the commands before are not carried out yet"
        );
        self.go_on();
        std::mem::swap(&mut self.commands, into);
    }

    /// Whether every service has been stopped: nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        let may_end = self.slots.is_none() || matches!(self.stage, Stage::Stopping { .. });
        may_end && self.passed == self.nodes.len()
    }

    /// When [`handle_alarms`](Self::handle_alarms) must be called next.
    pub(crate) fn next_alarm(&mut self) -> Option<Instant> {
        let (nodes, stage) = (&self.nodes, &self.stage);
        let is_stale = |alarm| match alarm {
            Alarm::Service { service, step, due } => {
                let node = &nodes[service as usize];
                let is_over = match due {
                    Due::StartTimeout => !node.is_starting(),
                    Due::Cut | Due::End | Due::GiveUp => node.life == Life::Gone,
                    Due::BackoffOver => node.state != State::Backoff,
                    Due::RestartsForgotten => node.state != State::Running,
                };
                is_over || node.step != step
            }
            Alarm::DelayOver => matches!(stage, Stage::Stopping { .. }),
        };
        if self.slots.is_some() {
            self.alarms.tidy(nodes.len(), is_stale);
        }
        self.alarms.soonest(is_stale)
    }

    /// Handles the alarms that are due.
    pub(crate) fn handle_alarms(&mut self, now: Instant) {
        while let Some(alarm) = self.alarms.pop_due(now) {
            match alarm {
                Alarm::Service { service, step, due } => {
                    let service = service as usize;
                    if self.nodes[service].step == step {
                        self.handle(service, due, now);
                    }
                }
                Alarm::DelayOver => self.stop_if_due(now),
            }
        }
    }

    fn handle(&mut self, service: usize, due: Due, now: Instant) {
        match due {
            Due::StartTimeout => self.start_timed_out(service, now),
            Due::Cut => self.cut(service),
            Due::End => self.end(service, now),
            Due::GiveUp => self.give_up(service, now),
            Due::BackoffOver => self.end_backoff(service, now),
            Due::RestartsForgotten => self.forget_restarts_in_a_row(service),
        }
    }

    fn set_alarm(&mut self, at: Instant, service: usize, due: Due) {
        let step = self.nodes[service].step;
        let service = service as u32;
        self.alarms.set(at, Alarm::Service { service, step, due });
    }

    /// The service failed. Its policy decides whether another run follows. Otherwise the first failure decides
    /// its state, and further ones are only recorded. Of a service that is being stopped for a restart, failures
    /// are only logged, if that other run can mend them.
    pub(crate) fn failed(&mut self, service: usize, failure: Failure, now: Instant) {
        let node = &self.nodes[service];
        if node.life == Life::Gone {
            return;
        }
        if node.state.is_final() {
            self.commands.push(Command::Fail(service, failure, None));
            return;
        }
        if node.restarts.after.is_some() && failure.can_be_mended() {
            self.commands.push(Command::Note(service, failure));
            return;
        }
        match self.judge(service, &failure, now) {
            Verdict::Restart(planned) => {
                self.commands.push(Command::Mend(service, failure, planned));
                self.take_down(service, planned.wait, now);
            }
            Verdict::Final { used_up } => {
                self.commands.push(Command::Fail(service, failure, used_up));
                self.fail(service, now);
            }
        }
    }

    /// The service has failed, and is not restarted.
    fn fail(&mut self, service: usize, now: Instant) {
        self.forget_restart(service);
        self.move_to(service, State::Failed);
        if self.nodes[service].readiness == Readiness::Reached {
            self.obey_policy(service, now);
        } else {
            self.failed_to_start(service, now);
        }
        self.request_if_finished(now);
    }

    /// Whether the engine was told of a request to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        !matches!(self.stage, Stage::Up)
    }

    /// The service's `start` has returned after the stop was requested. The service waits for its turn in
    /// the stop order and drains then.
    pub(crate) fn left(&mut self, service: usize) {
        self.nodes[service].has_left = true;
    }

    /// The code of this phase was dropped because it was late.
    pub(crate) fn late(&mut self, service: usize, phase: Phase, now: Instant) {
        let node = &mut self.nodes[service];
        // A start timeout drops `start` too. It is recorded as a failure, and not as late.
        let is_start = phase == Phase::Startup || node.settings.oneshot && phase != Phase::Drain;
        let timed_out = node.readiness == Readiness::TimedOut && is_start;
        // What a lost lease cuts short has done nothing wrong.
        let has_lost = node.lease.is_lost && phase != Phase::Drain;
        if node.life != Life::Asked || timed_out || has_lost {
            return;
        }
        let on_late = node.settings.on_late;
        node.late |= on_late == OnLate::Fail;
        let had = now.saturating_duration_since(node.asked_at.unwrap_or(now));
        self.commands
            .push(Command::NoteLate(service, phase, had, on_late));
    }

    /// The service's task has ended. `is_kept` says whether the service is kept for another run.
    pub(crate) fn down(&mut self, service: usize, is_kept: bool, now: Instant) {
        if self.nodes[service].life == Life::Gone {
            return;
        }
        self.settle(service, is_kept, now);
        if std::mem::take(&mut self.nodes[service].restarts.goes_first) {
            self.stop_held(now);
        }
    }

    /// Decides what follows the end of a service's task: another run, or nothing.
    fn settle(&mut self, service: usize, is_kept: bool, now: Instant) {
        let node = &mut self.nodes[service];
        let wait = node.restarts.after.take();
        if let Some(wait) = wait.filter(|_| is_kept && !node.late) {
            self.back_off(service, wait, now);
            return;
        }
        // It has ended without a request to stop and without a failure, perhaps while a restart waited for others to
        // go first: it is a oneshot that has succeeded, and no restart repeats what is done.
        let is_restarted = wait.is_some() && !node.late;
        let is_awaited = node.state == State::Starting || is_restarted;
        if is_awaited {
            node.readiness = Readiness::Reached;
        }
        // One in the background is running by then.
        node.succeeded = is_awaited || node.state == State::Running;
        // It was stopped for a restart and was late, so it is not restarted.
        let is_lost = node.late
            && !node.leaves()
            && !node.state.is_final()
            && matches!(self.stage, Stage::Up);
        if is_kept {
            node.life = Life::Kept;
        } else {
            node.life = Life::Gone;
            self.gone += 1;
            self.end_lease(service, true);
        }
        let node = &self.nodes[service];
        match (node.state, node.late) {
            (State::Failed | State::Stopped, _) => {}
            (_, true) => self.move_to(service, State::Failed),
            (_, false) => self.move_to(service, State::Stopped),
        }
        self.discard(service, now);
        if is_awaited {
            self.release_dependents(service, now);
        }
        if is_lost {
            self.failed_to_start(service, now);
        }
        if self.nodes[service].has_turn && !is_kept {
            self.take_turn(service, now);
        }
        self.free_if_removed(service);
        self.request_if_finished(now);
    }

    fn move_to(&mut self, service: usize, to: State) {
        let node = &mut self.nodes[service];
        let (was, was_up) = (node.state, node.is_up());
        node.state = to;
        let is_up = node.is_up();
        let counts = node.counts();
        if counts && was_up && !is_up {
            self.not_up += 1;
            // Before the move, so that code that sees the move finds readiness false.
            let restarts = self.nodes[service].restarts.after.is_some();
            if self.not_up == 1 && (restarts || was == State::Standby) {
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
        let is_group = self.slots.is_some();
        if !is_group && self.gone == self.nodes.len() && matches!(self.stage, Stage::Up) {
            self.commands.push(Command::Request(StopCause::Finished));
            self.requested(now, now, true);
        }
    }
}
