//! What the tasks of the services report to the supervisor, and what handles ask it.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::report::error::{BoxError, RestartError, ServiceError};
use crate::report::event::LeaseLoss;
use crate::report::status::Phase;
use crate::shared::lease::Lease;
use crate::shared::members::Member;

/// What the supervisor takes from its inbox.
#[derive(Debug)]
pub(crate) enum SupervisorEvent {
    /// What a service's task reports.
    Runner { service: usize, news: RunnerNews },
    /// What has become of the lease of a service.
    Lease { service: usize, news: LeaseNews },
    /// Something may be due: the time is limited, or the watchdog sees that the runtime's own clock is held up.
    Alarm,
    /// A handle asks whether the supervisor still works. Dropping the sender is the answer.
    Ping(oneshot::Sender<()>),
    /// A handle restarts a service. `asker` is the service whose code does so, if one does.
    Restart {
        service: usize,
        /// The member that is meant, of a group: its slot may be that of another one by now.
        member: Option<Arc<Member>>,
        asker: Option<usize>,
        answer: oneshot::Sender<RestartResult>,
    },
}

/// What has become of a lease.
#[derive(Debug)]
pub(crate) enum LeaseNews {
    /// It was granted.
    Taken(Lease),
    /// It is lost. What runs may go on until this instant.
    Lost(Lease, LeaseLoss, Instant),
    /// It will never be granted: the store refuses to be used.
    Failed(BoxError),
}

/// What becomes of a restart by hand.
pub(crate) type RestartResult = Result<(), RestartError>;

#[derive(Debug)]
pub(crate) enum RunnerNews {
    /// It is a oneshot, which a decorator has hidden until now.
    Oneshot,
    /// It is a registry, which a decorator has hidden until now.
    Registry,
    /// It is ready: its dependents may start.
    Ready,
    /// A part of its code failed. The service is not down yet and must be stopped.
    Failed(ServiceError),
    /// The code of this phase did not end in time and was dropped.
    Late(Phase),
    /// It must be restarted, with this wait between its end and its next start.
    #[cfg(test)]
    Restart(std::time::Duration),
    /// It is down. `is_kept` says whether its task returns the service for another run.
    Down { is_kept: bool },
}
