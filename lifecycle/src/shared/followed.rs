//! Handles that were taken of a registry before it became a service of another one. They show its own application, which
//! is never started then, so they follow the runs of the service.
//!
//! # Invariants
//!
//! - The application of a registry keeps one place, which is set when the registry becomes a service: which service of
//!   which outer application it is. Each of its runs is found by way of that, so it need not be told of them.
//! - Only `follow` writes the place, and under its lock takes over what is paused. So the promise of
//!   [`instance`](super::instance), that no pause is lost, holds here too.
//! - The place is set before the latch is closed, so code that is woken by the closing finds it.
//! - Locks of places are taken outwards: that of a registry before that of the one around it.
//! - The references go outwards: from the application of a registry to the one around it. A run refers only weakly to the
//!   application of its registry, so that there is no circle.

use std::future::pending;
use std::ops::Deref;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::task::yield_now;

use crate::report::error::HealthError;
use crate::report::reason::Reason;
use crate::shared::application::Application;
use crate::shared::latch::Latch;
use crate::shared::members::Member;

/// Where the services of a registry run, if it is a service.
#[derive(Debug)]
pub(crate) struct Followed {
    is_set: Latch,
    place: Mutex<Option<Place>>,
}

/// The service that a registry is.
#[derive(Clone, Debug)]
struct Place {
    outer: Arc<Application>,
    service: usize,
    /// If it is a member of a group: its slot may be given to another one.
    member: Option<Arc<Member>>,
}

impl Place {
    fn inner(&self) -> Option<Arc<Application>> {
        match &self.member {
            Some(member) => member.instance.inner(),
            None => self.outer.followed().instance(self.service).inner(),
        }
    }

    /// Whether there will be no run of it any more.
    fn is_over(&self) -> bool {
        let is_dropped = || {
            let reason = self.outer.request.reason();
            let is_end = matches!(reason, Some(Reason::Dropped | Reason::NotStarted(_)));
            is_end && !self.outer.has_begun()
        };
        let is_removed = self
            .member
            .as_ref()
            .is_some_and(|member| member.is_removed());
        is_removed || is_dropped() || self.outer.followed.is_over()
    }
}

impl Followed {
    pub(super) fn new() -> Self {
        Self {
            is_set: Latch::new(),
            place: Mutex::new(None),
        }
    }

    fn is_over(&self) -> bool {
        self.place().as_ref().is_some_and(Place::is_over)
    }

    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The application that a handle shows now.
pub(crate) enum Current<'a> {
    Own(&'a Arc<Application>),
    Run(Arc<Application>),
}

impl Deref for Current<'_> {
    type Target = Arc<Application>;

    fn deref(&self) -> &Arc<Application> {
        match self {
            Self::Own(application) => application,
            Self::Run(application) => application,
        }
    }
}

impl Application {
    /// What handles of this application show: itself, or the run of the service that its registry is.
    pub(crate) fn followed(self: &Arc<Self>) -> Current<'_> {
        if !self.followed.is_set.is_closed() {
            return Current::Own(self);
        }
        // Cloned, because the way outwards takes other locks.
        let place = self.followed.place().clone();
        let run = place.and_then(|place| place.inner());
        run.map_or(Current::Own(self), Current::Run)
    }

    /// This application is a run of that registry, whose handles follow it. Called before it has an outer one.
    pub(crate) fn is_run_of(&self, registry: &Arc<Self>) {
        let _ = self.registry.set(Arc::downgrade(registry));
    }

    /// The registry is this service now. Of several services at a time that it is, the first counts.
    pub(super) fn follow(self: &Arc<Self>, outer: &Arc<Self>, service: usize) {
        let Some(registry) = self.registry.get().and_then(Weak::upgrade) else {
            return;
        };
        let mut place = registry.followed.place();
        let is_up = |place: &Place| !place.is_over() && !place.outer.gone.is_closed();
        if place.as_ref().is_some_and(is_up) {
            return;
        }
        if place.is_none() {
            self.keep_paused(&registry);
        }
        let before = place.replace(Place {
            outer: outer.clone(),
            service,
            member: outer.member(service),
        });
        drop(place);
        drop(before);
        registry.followed.is_set.close();
        if let Some(reason) = registry.request.reason() {
            self.outermost().ask_to_stop(reason.clone());
        }
    }

    /// Calls this with the application of the registry that this one is a run of, if something may listen there.
    pub(super) fn tell_registry(&self, tell: impl FnOnce(&Self)) {
        let Some(registry) = self.registry.get().and_then(Weak::upgrade) else {
            return;
        };
        let is_heard = registry.events.is_observed() || registry.has_subscribers();
        // It may be several services, and only one of them is followed.
        if is_heard && ptr::eq(Arc::as_ptr(&registry.followed()), self) {
            tell(&registry);
        }
    }

    /// Calls this with each other application that is told what happens here: the outer ones, and those of the
    /// registries that they and this one are runs of.
    pub(super) fn for_each_listener(&self, mut tell: impl FnMut(&Self)) {
        self.tell_registry(&mut tell);
        self.for_each_outer(|outer| {
            tell(outer);
            outer.tell_registry(&mut tell);
        });
    }

    /// Waits for a reason to stop, of the last of the runs that a handle follows.
    pub(crate) async fn stops(self: &Arc<Self>) -> Reason {
        loop {
            let shown = self.followed();
            let reason = tokio::select! {
                biased;
                reason = shown.request.made() => reason,
                () = self.is_service(&shown) => continue,
            };
            if matches!(reason, Reason::Finished) || self.was_last(&shown).await {
                return reason;
            }
        }
    }

    /// Waits until it is healthy, in one of the runs that a handle follows.
    pub(crate) async fn comes_up(self: &Arc<Self>) -> Result<(), HealthError> {
        loop {
            let shown = self.followed();
            let health = tokio::select! {
                biased;
                health = shown.await_healthy() => health,
                () = self.is_service(&shown) => continue,
            };
            if health.is_ok() || self.was_last(&shown).await {
                return health;
            }
        }
    }

    /// If a handle shows its own application: resolves when the registry is a service.
    async fn is_service(&self, shown: &Current<'_>) {
        match shown {
            Current::Own(_) => {
                self.followed.is_set.closed().await;
                // The run is shown a moment later.
                yield_now().await;
            }
            Current::Run(_) => pending().await,
        }
    }

    /// Of a run that ends: whether no other one follows. Resolves when that is known. The registry's own application ends
    /// when the registry is dropped, which may be after it has run as a service: then a run of that has followed.
    async fn was_last(self: &Arc<Self>, shown: &Current<'_>) -> bool {
        let Current::Run(run) = shown else {
            return matches!(self.followed(), Current::Own(_));
        };
        let outermost = run.outermost();
        let mut moves = outermost.subscribe();
        loop {
            if !Arc::ptr_eq(&self.followed(), run) {
                return false;
            }
            let is_last = outermost.request.reason().is_some() || self.followed.is_over();
            if is_last || run.is_down_for_good() {
                return true;
            }
            tokio::select! {
                biased;
                _ = outermost.request.made() => {}
                next = moves.recv() => if next.is_none() {
                    return true;
                },
            }
        }
    }

    /// Whether a service that this application is within has ended, while what is around that goes on.
    fn is_down_for_good(&self) -> bool {
        let Some((outer, service)) = self.outer() else {
            return false;
        };
        let is_down = outer.instance(service).state().is_final();
        is_down && outer.request.reason().is_none() || outer.is_down_for_good()
    }
}
