//! What can be set for a service and for the whole registry, with the defaults.

use std::time::Duration;

/// What a service's failure means to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// The application stops, and exits with 1.
    #[default]
    Shutdown,
    /// The application goes on without the service, which drains at once. It is not healthy any
    /// more: the service is `Failed`.
    Ignore,
}

/// The settings of one service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) start_timeout: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) on_failure: OnFailure,
    /// It is expected to finish, is up once it has, and is not under the start timeout.
    pub(crate) oneshot: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            start_timeout: Duration::from_secs(90),
            stop_timeout: Duration::from_secs(10),
            on_failure: OnFailure::default(),
            oneshot: false,
        }
    }
}

/// The settings of the whole registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Duration,
    pub(crate) shutdown_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(25),
            shutdown_delay: Duration::ZERO,
        }
    }
}
