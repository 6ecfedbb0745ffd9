//! What the engine knows of one service.

use std::time::Duration;

use tokio::time::Instant;

use super::StopTimes;
use crate::engine::settings::ServiceSettings;
use crate::report::status::OnFailure;
use crate::report::status::State;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) settings: ServiceSettings,
    pub(crate) state: State,
    pub(crate) life: Life,
    pub(crate) readiness: Readiness,
    /// Whether its turn in the stop order has come.
    pub(crate) has_turn: bool,
    /// Whether its `start` has returned after the stop was requested and before its turn.
    pub(crate) has_left: bool,
    /// Whether something of it was dropped.
    pub(crate) late: bool,
    /// How many dependencies it still waits for.
    pub(crate) missing: u32,
    /// How many dependents have not passed in the stop order.
    pub(crate) open: u32,
    pub(crate) asked_at: Option<Instant>,
    /// When its time to stop is over, once it was asked; never, without any.
    pub(crate) times: Option<StopTimes>,
    /// It is being stopped to be started again, that long after it is down.
    pub(crate) comes_again: Option<Duration>,
    /// Counts its starts, stops and waits, so that an alarm set for an earlier one is told from those that
    /// still mean something.
    pub(crate) step: u32,
}

/// The task of a service, as far as the engine is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Never started.
    Unborn,
    /// Started, not asked to stop.
    Up,
    /// Asked to stop.
    Asked,
    /// Down, and to be started again.
    Resting,
    /// Ended, given up, or never to be started.
    Gone,
}

/// Whether a service is up (a oneshot: has succeeded), or was until it failed or was stopped for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Not yet.
    Pending,
    /// Not within its start timeout.
    TimedOut,
    /// It has: a failure after that is no concern of its dependents.
    Reached,
}

impl Node {
    pub(crate) fn new(settings: ServiceSettings, dependencies: usize, dependents: usize) -> Self {
        Self {
            settings,
            state: State::New,
            life: Life::Unborn,
            readiness: Readiness::Pending,
            has_turn: false,
            has_left: false,
            late: false,
            missing: dependencies as u32,
            open: dependents as u32,
            asked_at: None,
            times: None,
            comes_again: None,
            step: 0,
        }
    }

    /// Whether it may still become ready.
    pub(crate) fn is_starting(&self) -> bool {
        self.state == State::Starting && !self.has_left
    }

    /// Whether the application is not ready without it.
    pub(crate) fn counts(&self) -> bool {
        self.settings.on_failure != OnFailure::Ignore
    }

    /// Whether it is where a started application wants it: running, or a oneshot that succeeded.
    pub(crate) fn is_up(&self) -> bool {
        match self.state {
            State::Running => true,
            State::Stopped => self.settings.oneshot && self.readiness == Readiness::Reached,
            _ => false,
        }
    }
}
