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

use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::time::Instant;

use crate::report::error::{RestartError, ServiceError};
use crate::report::event::EventKind;
use crate::report::name::Name;
use crate::report::outcome::Laggard;
use crate::report::reason::Reason;
use crate::report::status::{Phase, ServiceStatus, State};
use crate::shared::application::Application;
use crate::shared::current;
use crate::shared::instance::Instance;
use crate::shared::members::Member;
use crate::shared::nested;
use crate::shared::record::Record;
use crate::shared::runner_news::RestartResult;

/// Of which service an application is the inner one.
#[derive(Debug)]
pub(crate) struct Outer {
    application: Weak<Application>,
    service: usize,
    /// When the time of that service is over, once it was asked to stop.
    limit: Mutex<Option<Instant>>,
}

/// A service that was found by its name.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) application: Arc<Application>,
    pub(crate) index: usize,
    /// The member, if it is one of a group: its slot may be given to another one.
    member: Option<Arc<Member>>,
}

impl Found {
    pub(crate) fn member(application: Arc<Application>, member: Arc<Member>) -> Option<Self> {
        Some(Self {
            application,
            index: member.slot()?,
            member: Some(member),
        })
    }

    pub(crate) fn status(&self) -> ServiceStatus {
        let mut status = self.instance().status();
        if let Some(leases) = self.application.leases.get() {
            leases.add_to(self.index, &mut status);
        }
        status
    }

    /// Tells of something that happens to it now.
    pub(crate) fn tell(&self, kind: EventKind) {
        self.application.tell(self.index, kind);
    }

    /// Restarts the service by hand. `has_begun`: the registry that was asked was started.
    pub(crate) async fn restart(&self, has_begun: bool) -> RestartResult {
        let (application, name) = (&self.application, || self.instance().name.clone());
        if self.instance().disabled.get().is_some() {
            return Err(RestartError::Disabled(name()));
        }
        if !application.has_begun() && application.request.reason().is_none() {
            return Err(if has_begun {
                RestartError::NotRunning(name())
            } else {
                RestartError::NotStarted
            });
        }
        let asker = self.asker();
        if asker == Some(self.index) {
            return Err(RestartError::FromWithin(name()));
        }
        application
            .restart(self.index, self.member.clone(), asker)
            .await
    }

    /// The service of the same application whose code asks, in its own or in an inner application.
    fn asker(&self) -> Option<usize> {
        let asker = current::owner()?.service;
        let mut service = asker.index as usize;
        let mut application = nested::application(asker)?;
        while !Arc::ptr_eq(&application, &self.application) {
            (application, service) = application.outer()?;
        }
        Some(service)
    }

    /// Whether this is the same service in the same run of the registry that it belongs to.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        ptr::eq(self.instance(), other.instance())
    }

    pub(crate) fn instance(&self) -> &Instance {
        match &self.member {
            None => &self.application.instances[self.index],
            Some(member) => &member.instance,
        }
    }
}

impl Application {
    /// Shows `inner` as the application of this service from now on.
    pub(crate) fn show_inner(self: &Arc<Self>, service: usize, inner: &Arc<Self>) {
        inner.set_outer(self, service);
        let before = self.instance(service).set_inner(inner.clone());
        drop(before);
        if let Some(reason) = self.request.reason() {
            inner.ask_to_stop(reason.clone());
        }
    }

    /// This is another run of the same services: what was paused in the one before stays so.
    pub(super) fn keep_paused(&self, before: &Self) {
        for (instance, before) in self.instances.iter().zip(&before.instances) {
            instance.keep_paused(before);
        }
    }

    pub(crate) fn set_outer(self: &Arc<Self>, outer: &Arc<Self>, service: usize) {
        let is_new = self.outer.set(Outer {
            application: Arc::downgrade(outer),
            service,
            limit: Mutex::new(None),
        });
        if is_new.is_ok() {
            self.follow(outer, service);
        }
    }

    /// Whether the services have another run in another application, because the registry is restarted as a
    /// service of the outer one.
    pub(crate) fn is_followed(&self) -> bool {
        self.outer().is_some_and(|(outer, service)| {
            let run = outer.instance(service).run();
            run.is_some_and(|run| run.is_followed()) || outer.is_followed()
        })
    }

    /// Closes the intakes of all queues, and counts their items as lost.
    pub(crate) fn end_queues(&self) {
        for instance in self.all_instances() {
            end_queues_of(&instance);
        }
    }

    /// The same for one service; for all within it, if it is a registry. Does nothing if another run of the
    /// application follows, which goes on with the items.
    pub(crate) fn end_queues_of(&self, service: usize) {
        let instance = self.instance(service);
        let has_queues = instance.queue().is_some() || instance.has_inner();
        if has_queues && !self.is_followed() {
            end_queues_of(&instance);
        }
    }

    #[inline]
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
        Some(outer.instance(service).name.clone())
    }

    /// The application that is no service of another one.
    pub(crate) fn outermost(self: &Arc<Self>) -> Arc<Self> {
        let mut outermost = self.clone();
        while let Some((outer, _)) = outermost.outer() {
            outermost = outer;
        }
        outermost
    }

    pub(crate) fn inner_applications(&self) -> impl Iterator<Item = Arc<Self>> {
        self.all_instances().filter_map(|instance| instance.inner())
    }

    /// The service with this name, here or in an inner application. Within an inner one a name may be
    /// written as it was declared there.
    pub(crate) fn find(self: &Arc<Self>, name: &str) -> Option<Found> {
        let path = self.path().map(|path| format!("{path}/{name}"));
        self.find_path(name)
            .or_else(|| self.find_path(path.as_deref()?))
    }

    fn find_path(self: &Arc<Self>, path: &str) -> Option<Found> {
        let mut application = self.clone();
        loop {
            if let Some((index, member)) = application.find_own(path) {
                return Some(Found {
                    application,
                    index,
                    member,
                });
            }
            let mut beginnings = path.match_indices('/').map(|(end, _)| &path[..end]);
            application = beginnings.find_map(|name| application.inner_of(name))?;
        }
    }

    /// The inner application of the service with this name.
    fn inner_of(&self, name: &str) -> Option<Arc<Self>> {
        if let Some(members) = &self.members {
            let mut shown = members.shown().into_iter();
            return shown
                .find(|member| member.instance.name == *name)?
                .instance
                .inner();
        }
        let index = self.names.find(&self.instances, name)?;
        self.instances[index].inner()
    }

    fn find_own(&self, name: &str) -> Option<(usize, Option<Arc<Member>>)> {
        if let Some(members) = &self.members {
            let mut shown = members.shown().into_iter();
            let member = shown.find(|member| member.instance.name == *name)?;
            return Some((member.slot()?, Some(member)));
        }
        let index = self.names.find(&self.instances, name)?;
        Some((index, None))
    }

    /// The services have no more time to stop than until `at`.
    pub(crate) fn limit_time(&self, at: Instant) {
        if let Some(outer) = self.outer.get() {
            let mut limit = outer.limit.lock().unwrap_or_else(PoisonError::into_inner);
            *limit = Some(limit.map_or(at, |before| before.min(at)));
        }
        self.wake_for_alarm();
    }

    pub(crate) fn time_limit(&self) -> Option<Instant> {
        let outer = self.outer.get()?;
        *outer.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides again whether the inner application of this service makes this one unready. Of members of a group
    /// nothing does.
    pub(crate) fn look_at_inner(&self, service: usize) {
        if self.members.is_some() {
            return;
        }
        let instance = self.instance(service);
        let Some(inner) = instance.inner() else {
            return;
        };
        let has_changed = self.health.decide_on_inner(service, || {
            let counts = !instance.on_failure().ends_ignored();
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
    pub(crate) fn for_each_outer(&self, mut tell: impl FnMut(&Self)) {
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
            let has_room = record.inner_failures.len() < Record::MOST;
            if has_room && (of_it.count() as u64) < Instance::KEPT {
                record.inner_failures.push(error.clone());
            }
        });
    }

    /// Lists a laggard in the outcome of each outer application.
    pub(crate) fn tell_outer_of_laggard(&self, laggard: &Laggard) {
        self.for_each_outer(|outer| {
            let mut record = outer.record();
            if record.laggards.len() < Record::MOST {
                record.laggards.push(laggard.clone());
            }
        });
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
        let mut counted = record.counted.iter().filter(is_new);
        let lost = counted.find(|error| told.is_none() || error.phase() == Phase::Drain);
        let lost = lost.cloned();
        drop(record);
        lost.or_else(|| self.late_error(late?.as_str()))
    }

    /// The error of a late service, wherever it is.
    fn late_error(&self, name: &str) -> Option<ServiceError> {
        let own = self.all_instances().find(|instance| instance.name == *name);
        if let Some(instance) = own {
            return instance.error.get().cloned();
        }
        self.inner_applications()
            .find_map(|inner| inner.late_error(name))
    }
}

fn end_queues_of(instance: &Instance) {
    instance.end_queue();
    if let Some(inner) = instance.inner() {
        inner.end_queues();
    }
}
