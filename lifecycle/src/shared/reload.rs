//! The reload of an application: each running service is asked to reload, in start order, and then every schedule
//! reads its values again.
//!
//! Each reload is a task of its own, so that it goes on when the call that asked for it is dropped. It ends at the
//! request to stop, and the supervisor waits for that.

mod beside;
mod parts;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use self::beside::Beside;
use self::parts::Answer;
pub(crate) use self::parts::{Part, Reload};
use crate::engine::Graph;
use crate::report::error::{Fault, ReloadError, ServiceError};
use crate::report::event::EventKind;
use crate::report::name::Name;
use crate::report::reason::Reason;
use crate::report::status::{Phase, Shape, State};
use crate::shared::application::Application;
use crate::shared::current;
use crate::shared::instance::Instance;
use crate::shared::members::InstanceRef;
use crate::shared::nested;
use crate::shared::orders::Orders;
use crate::shared::run::Run;
use crate::shared::subscribers::Subscription;

/// Reloads, after the reloads that were asked for before.
pub(crate) async fn reload(application: &Arc<Application>) -> Result<(), ReloadError> {
    if let Some(asker) = asker_within(application) {
        return Err(ReloadError::FromWithin(asker));
    }
    if !application.has_begun() && application.request.reason().is_none() {
        return Err(ReloadError::NotStarted);
    }
    let Some(runtime) = application.runtime() else {
        return Err(stopping(application));
    };
    let reload = runtime.spawn(run(application.clone()));
    // An error means that the runtime is ending.
    reload.await.unwrap_or_else(|_| Err(stopping(application)))
}

/// Reloads because of a hangup. Of several that come while a reload is under way, one more is carried out.
#[cfg(unix)]
#[cfg_attr(
    not(any(test, feature = "signal")),
    expect(dead_code, reason = "there are no signals")
)]
pub(crate) fn on_hangup(application: &Arc<Application>) {
    let is_queued = &application.is_reload_queued;
    let Some(runtime) = application.runtime() else {
        return;
    };
    if is_queued.swap(true, Ordering::AcqRel) {
        return;
    }
    let application = application.clone();
    drop(runtime.spawn(async move {
        // What has failed is logged where it fails.
        let _ = run(application).await;
    }));
}

/// The service whose code asks for a reload on this thread, here or in an inner application, if the reload would
/// wait for that code.
fn asker_within(application: &Arc<Application>) -> Option<Name> {
    let asker = current::service()?;
    let mut service = asker.index as usize;
    let mut asking = nested::application(asker)?;
    let name = asking.instance(service).name.clone();
    let mut waits = beside::is_in_hook();
    loop {
        waits |= is_starting(&asking.instance(service));
        if Arc::ptr_eq(&asking, application) {
            return waits.then_some(name);
        }
        (asking, service) = asking.outer()?;
    }
}

fn stopping(application: &Application) -> ReloadError {
    let reason = application.request.reason().cloned();
    ReloadError::Stopping(reason.unwrap_or(Reason::Dropped))
}

async fn run(application: Arc<Application>) -> Result<(), ReloadError> {
    let reloaded = async {
        let _turn = application.reloads.lock().await;
        application.is_reload_queued.store(false, Ordering::Release);
        let is_told = tell_of_begin(&application);
        let reloaded = reload_all(&application).await;
        if is_told {
            tell_of_end(&application);
        }
        reloaded
    };
    tokio::select! {
        biased;
        reason = application.request.made() => Err(ReloadError::Stopping(reason)),
        reloaded = reloaded => reloaded,
    }
}

/// Tells systemd that a reload begins. Returns whether it is told: without the time it would wait for ever.
#[cfg(all(feature = "systemd", target_os = "linux"))]
fn tell_of_begin(application: &Application) -> bool {
    use sd_notify::NotifyState;
    let told_of = application.told_of();
    if let (true, Ok(time)) = (*told_of, NotifyState::monotonic_usec_now()) {
        let _ = sd_notify::notify(&[NotifyState::Reloading, time]);
    }
    *told_of
}

#[cfg(not(all(feature = "systemd", target_os = "linux")))]
fn tell_of_begin(_: &Application) -> bool {
    false
}

/// Tells systemd that a reload is over. One that a stop ends is not told as over: the stop is told.
#[cfg(all(feature = "systemd", target_os = "linux"))]
fn tell_of_end(application: &Application) {
    let told_of = application.told_of();
    if *told_of {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    }
}

#[cfg(not(all(feature = "systemd", target_os = "linux")))]
fn tell_of_end(_: &Application) {}

async fn reload_all(application: &Arc<Application>) -> Result<(), ReloadError> {
    let began = Instant::now();
    let mut moves = application.subscribe();
    let mut errors = Vec::new();
    for (service, instance) in in_start_order(application) {
        let mut one = One {
            application,
            service,
            instance: &instance,
            moves: &mut moves,
        };
        errors.extend(one.reload().await);
    }
    for instance in application.all_instances() {
        if let Some(ticks) = instance.ticks() {
            ticks.read_again();
        }
    }
    let (took, failures) = (began.elapsed(), errors.len());
    application.tell_of_all(EventKind::Reloaded { took, failures });
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ReloadError::Services(errors))
    }
}

/// The members of a group have started in the order in which they were added.
fn in_start_order(application: &Application) -> Vec<(usize, InstanceRef<'_>)> {
    if let Some(members) = &application.members {
        let mut shown = members.shown();
        shown.sort_by_key(|member| member.number());
        let slots = shown.into_iter();
        let slots = slots.filter_map(|member| Some((member.slot()?, InstanceRef::Member(member))));
        return slots.collect();
    }
    let order = start_order(&application.graph, application.instances.len()).into_iter();
    let placed = order.map(|service| (service, application.instance(service)));
    placed.collect()
}

/// The reload of one service.
struct One<'a> {
    application: &'a Application,
    service: usize,
    instance: &'a Instance,
    moves: &'a mut Subscription,
}

impl One<'_> {
    /// Returns what failed. A service that does not run has nothing to reload: it reads its values when it starts.
    async fn reload(&mut self) -> Vec<ServiceError> {
        let instance = self.instance;
        // It may have read the old values already.
        while is_starting(instance) && self.moves.recv().await.is_some() {}
        let Some(run) = instance
            .run()
            .filter(|_| instance.state() == State::Running)
        else {
            return Vec::new();
        };
        let Some(reload) = run.reload() else {
            return Vec::new();
        };
        let asked = Asked(reload);
        let (answered, needs_order) = reload.ask(run.is_custom());
        if needs_order {
            run.orders.give(Orders::RELOAD);
        }
        let faults = tokio::select! {
            biased;
            answer = answered => answer.unwrap_or_default(),
            () = self.ended(&run) => return Vec::new(),
            late = late(instance.start_limit) => late,
        };
        drop(asked);
        self.note(reload, faults)
    }

    fn note(&self, reload: &Reload, faults: Answer) -> Vec<ServiceError> {
        let errors: Vec<_> = faults
            .into_iter()
            .flat_map(|fault| self.errors(fault))
            .collect();
        let failed = errors.first().map(|error| error.to_string().into());
        let had_failed = reload.show(failed);
        if had_failed && errors.is_empty() {
            self.application.tell(self.service, EventKind::Recovered);
        }
        // Those of inner services have been told.
        for error in errors
            .iter()
            .filter(|error| *error.service() == self.instance.name)
        {
            let kind = EventKind::ReloadFailed(error.clone());
            self.application.tell(self.service, kind);
        }
        errors
    }

    /// A registry that is a service fails by the errors of its own services.
    fn errors(&self, fault: Fault) -> Vec<ServiceError> {
        let inner = match &fault {
            Fault::Error(error) => error.downcast_ref(),
            _ => None,
        };
        match inner {
            Some(ReloadError::Services(errors)) => errors.clone(),
            _ => vec![self.application.error(self.service, Phase::Reload, fault)],
        }
    }

    /// Resolves when this run of the service is no longer up.
    async fn ended(&mut self, run: &Arc<Run>) {
        let instance = self.instance;
        let is_up = || {
            let current = instance.run();
            let is_same = current.is_some_and(|current| Arc::ptr_eq(&current, run));
            is_same && instance.state() == State::Running
        };
        while is_up() && self.moves.recv().await.is_some() {}
    }
}

/// Ends the round when it is dropped, and with it the hooks that are still under way.
struct Asked<'a>(&'a Reload);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn late(limit: Option<Duration>) -> Answer {
    match limit {
        Some(limit) => {
            sleep(limit).await;
            vec![Fault::ReloadTimeout(limit)]
        }
        None => std::future::pending().await,
    }
}

/// Whether its start is under way. That of a oneshot is its work, and nothing waits for that here.
fn is_starting(instance: &Instance) -> bool {
    instance.state() == State::Starting && instance.shape() != Shape::Oneshot
}

/// The services, each behind all that it depends on; otherwise in registry order.
fn start_order(graph: &Graph, services: usize) -> Vec<usize> {
    let mut missing: Vec<_> = (0..services)
        .map(|service| graph.dependencies(service).len())
        .collect();
    let mut next: VecDeque<_> = (0..services)
        .filter(|&service| missing[service] == 0)
        .collect();
    let mut order = Vec::with_capacity(services);
    while let Some(service) = next.pop_front() {
        order.push(service);
        for edge in graph.dependents(service) {
            let dependent = edge.service as usize;
            missing[dependent] -= 1;
            if missing[dependent] == 0 {
                next.push_back(dependent);
            }
        }
    }
    order
}
