//! What becomes of a failure: another run of the service, or its end.
//!
//! One counter, of the restarts in a row, drives the waits and the budget. A run that was up for long enough
//! forgets it. Restarts by hand, and those with a dependency, don't count.

use std::time::Duration;

use tokio::time::Instant;

use super::node::{Life, Node};
use super::stop::Stage;
use super::{Command, Engine, Failure};
use crate::report::error::ServiceError;
use crate::report::restart::Restart;
use crate::report::status::{OnFailure, Phase, State};

/// A restart that a policy has decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedRestart {
    /// Which of those in a row it is.
    pub(crate) number: u32,
    /// How many there are at most, if they have a limit.
    pub(crate) limit: Option<u32>,
    /// The wait between the end of the run and the next start.
    pub(crate) wait: Duration,
}

/// What becomes of a failure.
#[derive(Debug)]
pub(super) enum Verdict {
    Restart(PlannedRestart),
    /// It is the end of the service, which has used up this many restarts if that is why.
    Final {
        used_up: Option<u32>,
    },
}

impl Failure {
    /// Whether another run could go better.
    pub(super) fn can_be_mended(&self) -> bool {
        match self {
            // Data that a drain has not flushed is lost.
            Self::Reported(error) => error.phase() != Phase::Drain && !error.is_permanent(),
            Self::StartTimeout(_) => true,
            // The service is not started while it needs what has failed.
            Self::Dependency(_) => false,
        }
    }
}

impl Engine {
    /// Whether the failure that the service reports would be followed by another run.
    pub(crate) fn would_restart(&self, service: usize, error: &ServiceError, now: Instant) -> bool {
        let node = &self.nodes[service];
        if error.phase() == Phase::Drain || error.is_permanent() {
            return false;
        }
        let goes_on = |policy: Restart| policy.goes_on_after(node.restarts_in_a_row(policy, now));
        node.restarts.after.is_some() || self.policy_of(node).is_some_and(goes_on)
    }

    /// Decides what becomes of the failure of a service that is not being stopped.
    pub(super) fn judge(&mut self, service: usize, failure: &Failure, now: Instant) -> Verdict {
        let node = &self.nodes[service];
        let policy = self.policy_of(node).filter(|_| failure.can_be_mended());
        let Some(policy) = policy else {
            return Verdict::Final { used_up: None };
        };
        let in_a_row = node.restarts_in_a_row(policy, now);
        if !policy.goes_on_after(in_a_row) {
            return Verdict::Final {
                used_up: Some(in_a_row),
            };
        }
        let number = in_a_row.saturating_add(1);
        self.nodes[service].restarts.in_a_row = number;
        Verdict::Restart(PlannedRestart {
            number,
            limit: policy.limit(),
            wait: policy.wait_before(number),
        })
    }

    /// The policy of a service that may be restarted now: it has been up before and was not asked to stop.
    fn policy_of(&self, node: &Node) -> Option<Restart> {
        let may_restart = node.restarts.has_been_up
            && node.life == Life::Up
            && matches!(node.state, State::Starting | State::Running)
            && matches!(self.stage, Stage::Up);
        match node.settings.on_failure {
            OnFailure::Restart(policy) if may_restart => Some(policy),
            _ => None,
        }
    }

    /// The service has been up for so long that the restarts before are forgotten.
    pub(super) fn forget_restarts_in_a_row(&mut self, service: usize) {
        self.nodes[service].restarts.in_a_row = 0;
        self.commands.push(Command::ForgetRestarts(service));
    }
}

impl Node {
    /// How many restarts in a row count, for a run that fails now.
    fn restarts_in_a_row(&self, policy: Restart, now: Instant) -> u32 {
        let was_up = |since| now.saturating_duration_since(since) >= policy.forgets_after();
        if self.restarts.up_since.is_some_and(was_up) {
            0
        } else {
            self.restarts.in_a_row
        }
    }
}
