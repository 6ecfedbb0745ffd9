//! The settings of a service and of the registry, with their defaults.

use std::sync::Arc;
use std::time::Duration;

use lifecycle_rules::limits::DEFAULT_DEADLINE;

use crate::report::reason::OnHangup;
use crate::report::status::{OnFailure, OnLate};

/// The settings of one service.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all of them may hold together"
)]
pub(crate) struct ServiceSettings {
    /// As it is set, if it is: see [`start_limit`](Self::start_limit).
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) stop_timeout: Duration,
    pub(crate) on_failure: OnFailure,
    pub(crate) on_late: OnLate,
    /// Whether it is a oneshot that is awaited: it is up once its `run` has succeeded.
    pub(crate) oneshot: bool,
    /// Whether it is a registry, whose services have start timeouts of their own.
    pub(crate) registry: bool,
    /// Whether it is not to be started at all.
    pub(crate) disabled: bool,
    /// Whether one replica runs it: it is started once it has its lease.
    pub(crate) leased: bool,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            start_timeout: None,
            stop_timeout: Duration::from_secs(10),
            on_failure: OnFailure::default(),
            on_late: OnLate::default(),
            oneshot: false,
            registry: false,
            disabled: false,
            leased: false,
        }
    }
}

impl ServiceSettings {
    /// How long the start may take. A oneshot and a registry have no limit unless one is set.
    pub(crate) fn start_limit(&self) -> Option<Duration> {
        const DEFAULT: Duration = Duration::from_secs(90);
        self.start_timeout
            .or_else(|| (!self.oneshot && !self.registry).then_some(DEFAULT))
    }
}

/// Settings that services share. Most have the same, and all that a restart may be told would be most of what is
/// kept of a service.
#[derive(Debug, Default)]
pub(crate) struct SharedSettings(Arc<ServiceSettings>);

impl SharedSettings {
    /// These settings, shared with the last service that had the same.
    pub(crate) fn get(&mut self, settings: &ServiceSettings) -> Arc<ServiceSettings> {
        if *self.0 != *settings {
            self.0 = Arc::new(*settings);
        }
        self.0.clone()
    }
}

/// The settings of the registry itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegistrySettings {
    pub(crate) deadline: Duration,
    /// The deadline, if it is not the default.
    pub(crate) written_deadline: Option<Duration>,
    pub(crate) shutdown_delay: Duration,
    /// `None`: the default action of the system.
    pub(crate) on_hangup: Option<OnHangup>,
}

impl RegistrySettings {
    pub(crate) fn set_deadline(&mut self, limit: Duration) {
        self.deadline = limit;
        self.written_deadline = Some(limit);
    }
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            deadline: DEFAULT_DEADLINE,
            written_deadline: None,
            shutdown_delay: Duration::ZERO,
            on_hangup: None,
        }
    }
}
