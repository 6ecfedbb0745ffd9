//! What the tasks of the services report to the supervisor.

use std::time::Duration;

use crate::report::error::ServiceError;
use crate::report::status::Phase;

/// What a service's task reports to the supervisor.
#[derive(Debug)]
pub(crate) struct SupervisorEvent {
    pub(crate) service: usize,
    pub(crate) news: RunnerNews,
}

#[derive(Debug)]
pub(crate) enum RunnerNews {
    /// It is a oneshot, which a decorator has hidden until now.
    Oneshot,
    /// It is ready: its dependents may start.
    Ready,
    /// A part of its code failed. The service is not down yet and must be stopped.
    Failed(ServiceError),
    /// The code of this phase did not end in time and was dropped.
    Late(Phase),
    /// It must be restarted, with this wait between its end and its next start.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "for the policies, none of which restarts a service so far"
        )
    )]
    Restart(Duration),
    /// It is down. `is_kept` says whether its task returns the service for another run.
    Down { is_kept: bool },
}
