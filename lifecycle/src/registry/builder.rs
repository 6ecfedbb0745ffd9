//! The builder for names that are known only at run time: the settings are methods, and one error holds
//! every problem.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Registry;
use super::entries::{Entries, Entry};
use crate::engine::settings::RegistrySettings;
use crate::report::name::Name;
use crate::report::reason::OnHangup;
use crate::report::registry_error::{RegistryError, RegistryProblem};
use crate::report::status::{OnFailure, OnLate};
use crate::run::plan::Stores;
use crate::shape::service::Service;
use crate::store::{Leases, Memory};
use lifecycle_rules::graph::DependencyKind;

/// Assembles a [`Registry`] from names that are known only at run time: shards, tenants, plug-ins.
///
/// A service's settings follow its [`service`](Self::service) call. Nothing is checked before
/// [`build`](Self::build), which then tells every problem at once, in the words `registry!` uses.
///
/// ```
/// use lifecycle::{Idle, Registry, service};
///
/// #[service(idle)]
/// struct Shard;
/// impl Idle for Shard {}
///
/// let mut builder = Registry::builder().service("store", Shard);
/// for shard in 0..3 {
///     builder = builder.service(format!("shard-{shard}"), Shard).after(["store"]);
/// }
/// let registry = builder.build()?;
/// # Ok::<(), lifecycle::RegistryError>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
#[derive(Default)]
pub struct RegistryBuilder {
    entries: Entries,
    settings: RegistrySettings,
    stores: Stores,
    /// Settings that came before any service.
    stray: Vec<&'static str>,
}

impl RegistryBuilder {
    /// Adds a service. The settings that follow are its settings, up to the next service.
    pub fn service(mut self, name: impl Into<Name>, service: impl Service) -> Self {
        self.entries.add(name.into(), Arc::new(service));
        self
    }

    /// The names of the services it depends on: it starts when they are running and stops before
    /// they do; where one of them fails to start, it fails too. Further calls add names.
    pub fn after<N: Into<Name>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.set("after", |service| {
            service.depend(names.into_iter().map(Into::into), DependencyKind::After);
        })
    }

    /// The names of the services it would rather start after, but can do without: it starts when
    /// each of them is running, has failed or is disabled, and stops before they do. Further calls add names.
    ///
    /// ```
    /// # use lifecycle::{Idle, OnFailure, Registry, service};
    /// # #[service(idle)] struct Cache;
    /// # impl Idle for Cache {}
    /// # #[service(idle)] struct Api;
    /// # impl Idle for Api {}
    /// let registry = Registry::builder()
    ///     .service("cache", Cache)
    ///     .on_failure(OnFailure::Ignore)
    ///     .service("api", Api)
    ///     .wants(["cache"])
    ///     .build()?;
    /// # Ok::<(), lifecycle::RegistryError>(())
    /// ```
    pub fn wants<N: Into<Name>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.set("wants", |service| {
            service.depend(names.into_iter().map(Into::into), DependencyKind::Wants);
        })
    }

    /// Makes it a base service, such as logging or metrics: it starts before and stops after every
    /// service for which this is not called. That is order only, as with [`wants`](Self::wants): a
    /// service that can't do without it names it in its [`after`](Self::after) too. Base services may
    /// depend on each other.
    ///
    /// ```
    /// # use lifecycle::{Idle, Registry, service};
    /// # #[service(idle)] struct Sdk;
    /// # impl Idle for Sdk {}
    /// # #[service(idle)] struct Api;
    /// # impl Idle for Api {}
    /// let registry = Registry::builder()
    ///     .service("instrumentation", Sdk)
    ///     .before_all()
    ///     .service("api", Api)
    ///     .build()?;
    /// # Ok::<(), lifecycle::RegistryError>(())
    /// ```
    pub fn before_all(self) -> Self {
        self.set("before_all", |service| service.node.before_all = true)
    }

    /// How long its `startup` may take, or the `run` of a oneshot; the wait for dependencies does not
    /// count. Default: 90 s, and for a oneshot as long as it takes.
    pub fn start_timeout(self, limit: Duration) -> Self {
        self.set("start_timeout", |service| {
            service.node.settings.start_timeout = Some(limit);
        })
    }

    /// How long it may take to stop, within its share of the [deadline](Registry::deadline) of the
    /// whole; a quarter of it is kept for `drain`. Default: 10 s.
    pub fn stop_timeout(self, limit: Duration) -> Self {
        self.set("stop_timeout", |service| {
            service.node.settings.stop_timeout = limit;
        })
    }

    /// What its failure means to the application; a [`Restart`](crate::Restart) will do for
    /// [`OnFailure::Restart`]. Default: [`OnFailure::Shutdown`].
    pub fn on_failure(self, policy: impl Into<OnFailure>) -> Self {
        self.set("on_failure", |service| {
            service.node.settings.on_failure = policy.into();
        })
    }

    /// What it means that it did not stop in its time and was dropped. Default: [`OnLate::Fail`].
    pub fn on_late(self, policy: OnLate) -> Self {
        self.set("on_late", |service| {
            service.node.settings.on_late = policy;
        })
    }

    /// The names of those of its [dependencies](Self::after) it is restarted with. When one of them is
    /// [restarted](OnFailure::Restart), it is stopped before and started after that, whatever its own policy, and
    /// so are those that are restarted with it. That does not count as a restart of its own. Further calls add
    /// names. Default: none; it goes on while they are down.
    ///
    /// ```
    /// # use lifecycle::{Idle, Registry, Restart, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// # #[service(idle)] struct Feed;
    /// # impl Idle for Feed {}
    /// let registry = Registry::builder()
    ///     .service("store", Store)
    ///     .on_failure(Restart::new())
    ///     .service("feed", Feed)
    ///     .after(["store"])
    ///     .restart_with(["store"])
    ///     .build()?;
    /// # Ok::<(), lifecycle::RegistryError>(())
    /// ```
    pub fn restart_with<N: Into<Name>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.set("restart_with", |service| {
            service.restart_with(names.into_iter().map(Into::into));
        })
    }

    /// One replica of the application runs it, and each of the others waits on
    /// [standby](crate::State::Standby): it is started once this replica has its lease, and stopped when it loses it.
    /// See [the guide](crate::guide::one_replica). The leases are kept in a [store](Self::leases).
    ///
    /// ```
    /// # use lifecycle::{Idle, Registry, service, testing::InMemoryStore};
    /// # #[service(idle)] struct Nightly;
    /// # impl Idle for Nightly {}
    /// let registry = Registry::builder()
    ///     .leases(InMemoryStore::new())
    ///     .service("nightly", Nightly)
    ///     .one_replica()
    ///     .build()?;
    /// # Ok::<(), lifecycle::RegistryError>(())
    /// ```
    pub fn one_replica(self) -> Self {
        self.set("one_replica", |service| {
            service.node.settings.leased = true;
        })
    }

    /// Where the leases are kept of the services that [one replica](Self::one_replica) runs: a store that all
    /// replicas share.
    pub fn leases(mut self, store: impl Leases) -> Self {
        self.stores.leases = Some(Arc::new(store));
        self
    }

    /// For how long a lease is taken and renewed. A replica that is killed is replaced within this time and a third
    /// of it; one that can't reach the store stops the service a tenth of it earlier. Default: 30 s.
    pub fn lease_term(mut self, term: Duration) -> Self {
        self.stores.lease_term = Some(term);
        self
    }

    /// See [`Registry::on_hangup`].
    pub fn on_hangup(mut self, what: OnHangup) -> Self {
        self.settings.on_hangup = Some(what);
        self
    }

    /// See [`Registry::memory`].
    pub fn memory(mut self, memory: impl Memory) -> Self {
        self.stores.memory = Some(Arc::new(memory));
        self
    }

    /// See [`Registry::deadline`].
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.set_deadline(limit);
        self
    }

    /// See [`Registry::shutdown_delay`].
    pub fn shutdown_delay(mut self, delay: Duration) -> Self {
        self.settings.shutdown_delay = delay;
        self
    }

    /// Checks the services and settings, and makes the registry.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in one value: no service at all, a malformed or duplicate name, a
    /// dependency that is unknown, on itself or named twice (in `after`, in `wants` or in both), a cycle
    /// (also one by [`before_all`](Self::before_all)), a setting before the first service, a shutdown delay
    /// that leaves nothing of the deadline, values that make no restart policy, a name in `restart_with` that
    /// is not in `after`, a service for one replica without a store of leases, a term of zero.
    pub fn build(self) -> Result<Registry, RegistryError> {
        let RegistrySettings {
            deadline,
            shutdown_delay,
            ..
        } = self.settings;
        let limits = RegistryProblem::of(deadline, shutdown_delay).into_iter();
        let strays = self.stray.into_iter().map(RegistryProblem::stray);
        let (names, resolved) = self.entries.check();
        let terms = RegistryProblem::of_term(self.stores.lease_term).into_iter();
        let leases = self.entries.without_store(&self.stores);
        let problems: Vec<_> = limits
            .chain(terms)
            .chain(strays)
            .chain(names)
            .chain(leases)
            .collect();
        if problems.is_empty() {
            Ok(Registry::new(
                self.entries.plan(Some(resolved)),
                self.settings,
                self.stores,
            ))
        } else {
            Err(RegistryError { problems })
        }
    }

    fn set(mut self, setting: &'static str, apply: impl FnOnce(&mut Entry)) -> Self {
        match self.entries.services.last_mut() {
            Some(service) => apply(service),
            None => self.stray.push(setting),
        }
        self
    }
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .entries
            .services
            .iter()
            .map(|service| &service.node.name)
            .collect();
        f.debug_struct("RegistryBuilder")
            .field("services", &names)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
