//! What is added to a group: a service with its settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::settings::ServiceSettings;
use crate::panics::CatchOnDrop;
use crate::report::status::{OnFailure, OnLate, Shape};
use crate::shape::service::{Sealed, Service};

/// A service with the settings that it has as a member of a [`Group`](crate::Group). A service alone becomes
/// one with the defaults.
///
/// ```
/// # use std::time::Duration;
/// # use lifecycle::{Entry, Idle, OnFailure, service};
/// # #[service(idle)] struct Tenant;
/// # impl Idle for Tenant {}
/// let entry = Entry::new(Tenant)
///     .stop_timeout(Duration::from_secs(3))
///     .on_failure(OnFailure::Ignore);
/// ```
#[must_use = "an entry does nothing until it is added to a group"]
pub struct Entry {
    pub(super) service: CatchOnDrop<Arc<dyn Service>>,
    pub(super) settings: ServiceSettings,
}

impl Entry {
    /// The service with the default settings.
    pub fn new(service: impl Service) -> Self {
        let nature = service.__nature(Sealed::OPEN);
        Self {
            service: CatchOnDrop::new(Arc::new(service)),
            settings: ServiceSettings {
                oneshot: nature.shape == Shape::Oneshot && !nature.in_background,
                registry: matches!(nature.shape, Shape::Registry | Shape::Group),
                disabled: nature.is_disabled,
                ..ServiceSettings::default()
            },
        }
    }

    /// How long its `startup` may take, or the `run` of a oneshot. Default: 90 s, and for a oneshot or a
    /// registry as long as it takes.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.settings.start_timeout = Some(limit);
        self
    }

    /// How long it may take to stop; a quarter of it is kept for `drain`. Default: 10 s.
    pub fn stop_timeout(mut self, limit: Duration) -> Self {
        self.settings.stop_timeout = limit;
        self
    }

    /// What it means that it is cut at its time. Default: a failure; with [`OnLate::Ignore`] it is logged and listed, and the
    /// outcome is clean.
    pub fn on_late(mut self, policy: OnLate) -> Self {
        self.settings.on_late = policy;
        self
    }

    /// What its failure means to the group: [`OnFailure::Shutdown`], the default, makes the group fail; with
    /// [`OnFailure::Ignore`] the others go on without it.
    pub fn on_failure(mut self, policy: impl Into<OnFailure>) -> Self {
        self.settings.on_failure = policy.into();
        self
    }
}

impl<S: Service> From<S> for Entry {
    fn from(service: S) -> Self {
        Self::new(service)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
