//! The functions that `registry!` expands to calls of. The macro has checked the names. Hidden from the
//! documentation.

use std::sync::Arc;
use std::time::Duration;

use super::Registry;
use super::entries::{Entries, Entry};
use crate::engine::settings::RegistrySettings;
use crate::report::name::Name;
use crate::report::reason::OnHangup;
use crate::report::status::{OnFailure, OnLate};
use crate::run::plan::Stores;
use crate::shape::service::Service;
use crate::store::{Leases, Memory};
use lifecycle_rules::graph::DependencyKind;

/// Collects the entries and settings of one `registry!`.
#[allow(missing_debug_implementations, reason = "never in the hands of a user")]
pub struct Assembly {
    entries: Entries,
    settings: RegistrySettings,
    stores: Stores,
}

/// Takes the settings of the service that was just added.
#[allow(missing_debug_implementations, reason = "never in the hands of a user")]
pub struct AssemblyEntry<'a>(&'a mut Entry);

/// An assembly without entries, with the default settings.
#[must_use]
pub fn assembly() -> Assembly {
    Assembly {
        entries: Entries::default(),
        settings: RegistrySettings::default(),
        stores: Stores::default(),
    }
}

impl Assembly {
    /// `deadline = limit`
    pub fn deadline(&mut self, limit: Duration) {
        self.settings.set_deadline(limit);
    }

    /// `shutdown_delay = delay`
    pub fn shutdown_delay(&mut self, delay: Duration) {
        self.settings.shutdown_delay = delay;
    }

    /// `on_hangup = what`
    pub fn on_hangup(&mut self, what: OnHangup) {
        self.settings.on_hangup = Some(what);
    }

    /// `leases = store`
    pub fn leases(&mut self, store: impl Leases) {
        self.stores.leases = Some(Arc::new(store));
    }

    /// `lease_term = term`
    pub fn lease_term(&mut self, term: Duration) {
        self.stores.lease_term = Some(term);
    }

    /// See [`Registry::memory`].
    pub fn memory(&mut self, memory: impl Memory) {
        self.stores.memory = Some(Arc::new(memory));
    }

    /// `name => service`
    pub fn service<S: Service>(&mut self, name: &'static str, service: S) -> AssemblyEntry<'_> {
        AssemblyEntry(self.entries.add(Name::from(name), Arc::new(service)))
    }

    /// The registry, after the last entry. The macro has found no problem with the entries.
    pub fn finish(self) -> Registry {
        Registry::new(self.entries.plan(None), self.settings, self.stores)
    }
}

#[allow(
    clippy::return_self_not_must_use,
    clippy::must_use_candidate,
    reason = "a chain of statements, written by the macro"
)]
impl AssemblyEntry<'_> {
    /// `after = names`
    pub fn after(self, names: &[&'static str]) -> Self {
        self.0
            .depend(names.iter().copied().map(Name::from), DependencyKind::After);
        self
    }

    /// `wants = names`
    pub fn wants(self, names: &[&'static str]) -> Self {
        self.0
            .depend(names.iter().copied().map(Name::from), DependencyKind::Wants);
        self
    }

    /// `before = all`
    pub fn before_all(self) -> Self {
        self.0.node.before_all = true;
        self
    }

    /// `replicas = one`
    pub fn one_replica(self) -> Self {
        self.0.node.settings.leased = true;
        self
    }

    /// `start_timeout = limit`
    pub fn start_timeout(self, limit: Duration) -> Self {
        self.0.node.settings.start_timeout = Some(limit);
        self
    }

    /// `stop_timeout = limit`
    pub fn stop_timeout(self, limit: Duration) -> Self {
        self.0.node.settings.stop_timeout = limit;
        self
    }

    /// `on_late = policy`
    pub fn on_late(self, policy: OnLate) -> Self {
        self.0.node.settings.on_late = policy;
        self
    }

    /// `restart_with = names`
    pub fn restart_with(self, names: &[&'static str]) -> Self {
        self.0.restart_with(names.iter().copied().map(Name::from));
        self
    }

    /// `on_failure = policy`
    pub fn on_failure(self, policy: OnFailure) -> Self {
        self.0.node.settings.on_failure = policy;
        self
    }
}
