//! Inner applications: the application of a registry that is itself a service of an outer one.
//!
//! The instance of that service holds the inner application, for as long as the registration lives: one that
//! has not begun before the first run, and a new one for each further run. The inner application points back
//! weakly, so that the two don't keep each other.
//!
//! The names of the inner services are paths from the outermost registry on, `parent/child`, from the moment
//! at which the inner application is made.
//!
//! # Invariants
//!
//! - An inner application is shown by its instance before it begins, and its outer one is set before that. So
//!   whatever happens in it is told outside.
//! - A request to stop reaches every inner application. The outer one sets its reason first and then asks all
//!   that it shows; a new one is shown first and then looks for the reason. So one of the two asks it.
//! - The locks of an inner application are released before those of the outer one are taken.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::time::Instant;

use crate::report::error::ServiceError;
use crate::report::name::Name;
use crate::report::outcome::Laggard;
use crate::report::reason::Reason;
use crate::report::status::{Phase, State};
use crate::shared::application::Application;
use crate::shared::current::ServiceId;
use crate::shared::instance::Instance;

/// Of which service an application is the inner one.
#[derive(Debug)]
pub(crate) struct Outer {
    application: Weak<Application>,
    service: usize,
    /// When the time of that service is over, once it was asked to stop.
    limit: Mutex<Option<Instant>>,
}

impl Application {
    /// Shows `inner` as the application of this service from now on.
    pub(crate) fn show_inner(self: &Arc<Self>, service: usize, inner: &Arc<Self>) {
        inner.set_outer(self, service);
        let before = self.instances[service].set_inner(inner.clone());
        drop(before);
        if let Some(reason) = self.request.reason() {
            inner.ask_to_stop(reason.clone());
        }
    }

    pub(super) fn set_outer(&self, outer: &Arc<Self>, service: usize) {
        let _ = self.outer.set(Outer {
            application: Arc::downgrade(outer),
            service,
            limit: Mutex::new(None),
        });
    }

    /// Whether the services have another run in another application, because the registry is restarted as a
    /// service of the outer one.
    pub(crate) fn is_followed(&self) -> bool {
        self.outer().is_some_and(|(outer, service)| {
            let run = outer.instances[service].run();
            run.is_some_and(|run| run.is_followed()) || outer.is_followed()
        })
    }

    /// Closes the intakes of all queues, and counts their items as lost.
    pub(crate) fn end_queues(&self) {
        for service in 0..self.instances.len() {
            self.end_queues_of(service);
        }
    }

    /// The same for one service; for all within it, if it is a registry.
    pub(crate) fn end_queues_of(&self, service: usize) {
        let instance = &self.instances[service];
        instance.end_queue();
        if let Some(inner) = instance.inner() {
            inner.end_queues();
        }
    }

    pub(crate) fn is_inner(&self) -> bool {
        self.outer.get().is_some()
    }

    /// The application that this one is a service of, and which.
    pub(crate) fn outer(&self) -> Option<(Arc<Self>, usize)> {
        let outer = self.outer.get()?;
        Some((outer.application.upgrade()?, outer.service))
    }

    /// The name of the service that this application is the inner one of.
    pub(crate) fn path(&self) -> Option<Name> {
        let (outer, service) = self.outer()?;
        Some(outer.instances[service].name.clone())
    }

    /// The application that is no service of another one.
    pub(crate) fn outermost(self: &Arc<Self>) -> Arc<Self> {
        let mut outermost = self.clone();
        while let Some((outer, _)) = outermost.outer() {
            outermost = outer;
        }
        outermost
    }

    /// The service of this application whose code this is: its own, or that of a service within it.
    pub(crate) fn service_of(self: &Arc<Self>, code: ServiceId) -> Option<usize> {
        if code.application == Arc::as_ptr(self).addr() {
            return Some(code.index as usize);
        }
        self.instances.iter().position(|instance| {
            let inner = instance.inner();
            inner.is_some_and(|inner| inner.service_of(code).is_some())
        })
    }

    pub(crate) fn inner_applications(&self) -> impl Iterator<Item = Arc<Self>> {
        self.instances.iter().filter_map(Instance::inner)
    }

    /// The service with this name, here or in an inner application. Within an inner one a name may be
    /// written as it was declared there.
    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<(Arc<Self>, usize)> {
        let path = self.path().map(|path| format!("{path}/{name}"));
        self.find_path(name)
            .or_else(|| self.find_path(path.as_deref()?))
    }

    fn find_path(self: &Arc<Self>, path: &str) -> Option<(Arc<Self>, usize)> {
        let mut application = self.clone();
        loop {
            let mut instances = application.instances.iter();
            if let Some(index) = instances.position(|instance| instance.name == *path) {
                return Some((application, index));
            }
            let leads_to = |instance: &&Instance| {
                let rest = path.strip_prefix(instance.name.as_str());
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            let inner = application.instances.iter().find(leads_to)?.inner()?;
            application = inner;
        }
    }

    /// The services have no more time to stop than until `at`.
    pub(crate) fn limit_time(&self, at: Instant) {
        if let Some(outer) = self.outer.get() {
            let mut limit = outer.limit.lock().unwrap_or_else(PoisonError::into_inner);
            *limit = Some(limit.map_or(at, |before| before.min(at)));
        }
        self.alarm.notify_one();
    }

    pub(crate) fn time_limit(&self) -> Option<Instant> {
        let outer = self.outer.get()?;
        *outer.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides again whether the inner application of this service makes this one unready.
    pub(crate) fn look_at_inner(&self, service: usize) {
        let instance = &self.instances[service];
        let Some(inner) = instance.inner() else {
            return;
        };
        let has_changed = self.health.decide_on_inner(service, || {
            let counts = !instance.on_failure.ends_ignored();
            counts && instance.state() == State::Running && !inner.health.is_up()
        });
        if has_changed {
            self.tell_outer_of_health();
        }
    }

    pub(super) fn tell_outer_of_health(&self) {
        if let Some((outer, service)) = self.outer() {
            outer.look_at_inner(service);
        }
    }

    /// Calls this with each outer application, the nearest first.
    pub(super) fn for_each_outer(&self, mut tell: impl FnMut(&Self)) {
        let mut next = self.outer();
        while let Some((outer, _)) = next {
            tell(&outer);
            next = outer.outer();
        }
    }

    /// Lists a failure in the outcome of each outer application.
    pub(crate) fn tell_outer_of_failure(&self, error: &ServiceError) {
        self.for_each_outer(|outer| {
            let mut record = outer.record();
            let known = record.inner_failures.iter();
            let of_it = known.filter(|known| known.service() == error.service());
            if (of_it.count() as u64) < Instance::KEPT {
                record.inner_failures.push(error.clone());
            }
        });
    }

    /// Lists a laggard in the outcome of each outer application.
    pub(crate) fn tell_outer_of_laggard(&self, laggard: &Laggard) {
        self.for_each_outer(|outer| outer.record().laggards.push(laggard.clone()));
    }

    /// Asks the inner applications to stop, each for this reason.
    pub(super) fn ask_inner_to_stop(&self, reason: &Reason) {
        for inner in self.inner_applications() {
            inner.ask_to_stop(reason.clone());
        }
    }

    /// What makes the service fail whose inner application has ended: a drain that failed, a service that
    /// was late, or else the first failure if `start` has not returned it already. Asked once.
    pub(crate) fn verdict(&self) -> Option<ServiceError> {
        let mut record = self.record();
        if std::mem::replace(&mut record.has_verdict, true) {
            return None;
        }
        let mut failed = record.laggards.iter().filter(|late| late.is_failure());
        let late = failed.next().map(|late| late.service.clone());
        let told = record.told.take();
        let is_new = |error: &&ServiceError| !told.as_ref().is_some_and(|told| told.is_same(error));
        let lost = record.failures.iter().filter(is_new).find(|error| {
            let failed = self.instances.iter();
            let mut failed = failed.filter(|instance| instance.name == *error.service());
            let counts = failed.any(|instance| !instance.on_failure.ends_ignored());
            counts && (told.is_none() || error.phase() == Phase::Drain)
        });
        let lost = lost.cloned();
        drop(record);
        lost.or_else(|| self.late_error(late?.as_str()))
    }

    /// The error of a late service, wherever it is.
    fn late_error(&self, name: &str) -> Option<ServiceError> {
        let own = self
            .instances
            .iter()
            .find(|instance| instance.name == *name);
        if let Some(instance) = own {
            return instance.error.get().cloned();
        }
        self.inner_applications()
            .find_map(|inner| inner.late_error(name))
    }
}
