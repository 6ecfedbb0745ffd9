//! The engine's state of one service.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::StopTimes;
use crate::engine::settings::ServiceSettings;
use crate::report::status::State;

#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all of them may hold together"
)]
pub(crate) struct Node {
    pub(crate) settings: Arc<ServiceSettings>,
    pub(crate) state: State,
    pub(crate) life: Life,
    pub(crate) readiness: Readiness,
    /// Whether its turn in the stop order has come.
    pub(crate) has_turn: bool,
    /// Whether its `start` has returned after the stop was requested and before its turn.
    pub(crate) has_left: bool,
    /// Whether some of its code was dropped because it was late, and that is a failure.
    pub(crate) late: bool,
    /// Whether it is a oneshot whose `run` has succeeded.
    pub(crate) succeeded: bool,
    /// How many dependencies it still waits for before it starts.
    pub(crate) missing: u32,
    /// How many dependents are still ahead of it in the stop order.
    pub(crate) open: u32,
    /// What was last found of the services that it depends on, directly or through others.
    pub(crate) below: Below,
    pub(crate) asked_at: Option<Instant>,
    /// When its time to stop is over, once it was asked. `None` if that time has no limit.
    pub(crate) times: Option<StopTimes>,
    pub(crate) restarts: Restarts,
    pub(crate) lease: Lease,
    pub(crate) membership: Membership,
    /// Counts its starts, stops and backoffs. An alarm holds the count at which it was set, so an alarm of
    /// an earlier step is known to be stale.
    pub(crate) step: u32,
}

/// What is known of the restarts of a service.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    /// Set while it is stopped for a restart: the wait between its end and its next start.
    pub(crate) after: Option<Duration>,
    /// Whether it is stopped because a service it depends on is restarted, which waits for it.
    pub(crate) goes_first: bool,
    /// Whether one of its runs has been up.
    pub(crate) has_been_up: bool,
    /// Since when this run is up.
    pub(crate) up_since: Option<Instant>,
    /// How many in a row its policy has decided on.
    pub(crate) in_a_row: u32,
}

/// What is known of its lease, if one replica runs it.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// Whether this replica has it.
    pub(crate) is_held: bool,
    /// Whether it was lost since the service was started last.
    pub(crate) is_lost: bool,
}

/// Whether it is a member of a group. Readiness does not depend on those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Registered,
    Member,
    /// It is removed once it is down.
    Leaving,
}

/// The life of a service's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Never started.
    Unborn,
    /// Started, not asked to stop.
    Up,
    /// Asked to stop.
    Asked,
    /// Down, and kept for another start.
    Kept,
    /// Ended, given up, or never to be started.
    Gone,
}

/// Whether a service has been up (a oneshot: has succeeded) since it was started or restarted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Not yet.
    Pending,
    /// It was not up within its start timeout.
    TimedOut,
    /// It has been up: a later failure does not fail its dependents.
    Reached,
}

/// Whether one of the services below is still to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    /// It was not asked yet.
    Unknown,
    /// This one was, when it was asked.
    Service(u32),
    /// None is, nor will be.
    Nothing,
}

impl Node {
    pub(crate) fn new(
        settings: Arc<ServiceSettings>,
        dependencies: usize,
        dependents: usize,
    ) -> Self {
        Self {
            life: if settings.disabled {
                Life::Gone
            } else {
                Life::Unborn
            },
            settings,
            state: State::New,
            readiness: Readiness::Pending,
            has_turn: false,
            has_left: false,
            late: false,
            succeeded: false,
            missing: dependencies as u32,
            open: dependents as u32,
            below: Below::Unknown,
            asked_at: None,
            times: None,
            restarts: Restarts::default(),
            lease: Lease::default(),
            membership: Membership::Registered,
            step: 0,
        }
    }

    /// Whether it is a member that is removed once it is down.
    pub(crate) fn leaves(&self) -> bool {
        self.membership == Membership::Leaving
    }

    /// Whether it may still become ready.
    pub(crate) fn is_starting(&self) -> bool {
        self.state == State::Starting && !self.has_left
    }

    /// Whether it is up or kept, and was not asked to stop.
    pub(crate) fn is_to_be_stopped(&self) -> bool {
        matches!(self.life, Life::Up | Life::Kept)
    }

    /// Whether the application's readiness depends on it.
    pub(crate) fn counts(&self) -> bool {
        self.membership == Membership::Registered
            && !self.settings.on_failure.ends_ignored()
            && !self.settings.disabled
    }

    /// Whether it waits for a lease before each start.
    pub(crate) fn lacks_lease(&self) -> bool {
        self.settings.leased && !self.lease.is_held
    }

    /// Whether it is up: running, on standby, or a oneshot that succeeded.
    pub(crate) fn is_up(&self) -> bool {
        match self.state {
            State::Running | State::Standby => true,
            State::Stopped => self.succeeded,
            _ => false,
        }
    }
}
