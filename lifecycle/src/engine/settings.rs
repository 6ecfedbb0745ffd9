//! What can be set for a service and for the whole registry, with the defaults.

use std::time::Duration;

use lifecycle_rules::limits::DEFAULT_DEADLINE;

/// What a service's failure means to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// The application stops, and exits with 1.
    #[default]
    Shutdown,
    /// The application goes on without the service, which drains at once. The service does not count
    /// for [readiness](crate::Handle::is_healthy), whatever its state; its failure is logged and
    /// listed in the [outcome](crate::Outcome::failures), and the exit code stays 0.
    ///
    /// What names it in `after` needs it, and fails with it if it fails to start; what can do without
    /// it names it in `wants`.
    Ignore,
}

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
