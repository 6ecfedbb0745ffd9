//! What can be set for a service and for the whole registry, with the defaults.

use std::time::Duration;

use lifecycle_rules::limits::DEFAULT_DEADLINE;

use crate::report::status::OnFailure;

/// The settings of one service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceSettings {
    /// As it is written, if it is.
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) stop_timeout: Duration,
    pub(crate) on_failure: OnFailure,
    /// It is expected to finish, and is up once it has.
    pub(crate) oneshot: bool,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            start_timeout: None,
            stop_timeout: Duration::from_secs(10),
            on_failure: OnFailure::default(),
            oneshot: false,
        }
    }
}

impl ServiceSettings {
    /// How long the start may take. A oneshot may take as long as its job does, unless it is written
    /// how long that is.
    pub(crate) fn start_limit(&self) -> Option<Duration> {
        const DEFAULT: Duration = Duration::from_secs(90);
        self.start_timeout
            .or_else(|| (!self.oneshot).then_some(DEFAULT))
    }
}

/// The settings of the whole registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegistrySettings {
    pub(crate) deadline: Duration,
    pub(crate) shutdown_delay: Duration,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            deadline: DEFAULT_DEADLINE,
            shutdown_delay: Duration::ZERO,
        }
    }
}
