//! An application: its services, the request to stop, health, and the record of failures. Contexts, handles,
//! the runners and the supervisor share it.
//!
//! # Invariants
//!
//! Only the supervisor changes what others see of a service. The application is made with the registry. It
//! *begins* once, before the supervisor's task exists, and *ends* once, after the supervisor's last move or
//! without having begun. In between, and only then, it has links to the runtime.
//!
//! - Readiness is `health` and no request. The supervisor writes health before the move that makes it false,
//!   and after the moves that make it true.
//! - No wakers and no destructors run under a lock. `record` is held while the sources of a hook's error are
//!   read, which is user code; that code can't take `record`, because only the supervisor, the signal thread
//!   and the outcome do.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle as Runtime;
use tokio::time::Instant;

use crate::engine::Graph;
use crate::report::error::{BoxError, Fault, HealthError, ServiceError, tells_of_the_stop};
use crate::report::event::EventKind;
use crate::report::name::Name;
use crate::report::reason::Reason;
use crate::report::status::{Phase, ServiceStatus, State, Transition};
use crate::shared::events::{self, Events};
use crate::shared::followed::Followed;
use crate::shared::health::{Health, HealthBoard};
use crate::shared::inbox::Inbox;
use crate::shared::inner::Outer;
use crate::shared::instance::Instance;
use crate::shared::latch::Latch;
use crate::shared::lease::LeaseTable;
use crate::shared::members::{InstanceRef, Member, Members};
use crate::shared::moments::{self, Moment, Now};
use crate::shared::names::NameIndex;
use crate::shared::record::Record;
use crate::shared::request::Request;
use crate::shared::runner_news::SupervisorEvent;
use crate::shared::subscribers::{Subscribers, Subscription};
use crate::store::{Memory, Opaque};
use crate::time::moment::Epoch;
use crate::time::shared_timers::SharedTimers;

#[derive(Debug)]
pub(crate) struct Application {
    /// The services of a registry.
    pub(super) instances: Box<[Instance]>,
    pub(super) names: NameIndex,
    /// The members, if it is the application of a group.
    pub(crate) members: Option<Box<Members>>,
    pub(crate) graph: Arc<Graph>,
    pub(crate) request: Request,
    /// Closed when the owner of the running registry wants the services stopped.
    pub(crate) stop: Latch,
    /// Closed when the service that started this nested run has used up its time.
    pub(crate) cut: Latch,
    /// Closed when the supervisor is gone, and with it everything of the run.
    pub(crate) gone: Latch,
    pub(crate) record: Mutex<Record>,
    /// Set before the start, if the registry has a memory of its own.
    pub(crate) memory: OnceLock<Opaque<dyn Memory>>,
    /// A test's own wall clock.
    #[cfg(all(feature = "cron", feature = "test-util"))]
    pub(crate) wall_clock: OnceLock<crate::time::WallClock>,
    /// Set once, at the start.
    begun: OnceLock<Begun>,
    /// Where the tasks of services are spawned. `None` before the start and after the end: a handle may be kept long
    /// after the run, and must not keep the runtime's memory and descriptors alive. `None` as well in a unit test
    /// without a runtime.
    runtime: Mutex<Option<Runtime>>,
    /// Open from the start to the end. What waits there is the supervisor's task, and so the runtime.
    pub(crate) inbox: Inbox<SupervisorEvent>,
    pub(super) health: HealthBoard,
    /// Set if it is the application of a service of another one.
    pub(super) outer: OnceLock<Outer>,
    /// Set if it is a run of a registry that is a service: the application of that registry.
    pub(super) registry: OnceLock<Weak<Application>>,
    /// Where the registry runs, if this is the application of one that is a service.
    pub(super) followed: Followed,
    subscribers: Arc<Subscribers>,
    pub(crate) events: Events,
    /// systemd was told that the application is up, and not that it stops: reloads are told too.
    #[cfg(all(feature = "systemd", target_os = "linux"))]
    is_told_of: Mutex<bool>,
    /// One reload at a time.
    pub(crate) reloads: tokio::sync::Mutex<()>,
    /// Whether a reload waits for its turn that a hangup has asked for.
    pub(crate) is_reload_queued: AtomicBool,
    /// The leases, if one replica runs some of the services.
    pub(crate) leases: OnceLock<LeaseTable>,
    /// When every service that counts was up for the first time.
    pub(crate) first_healthy: Moment,
}

/// Made at the start, because no clock runs before it.
#[derive(Debug)]
struct Begun {
    at: Instant,
    /// When the outermost application began.
    since: Instant,
    /// The timers of the schedules.
    timers: Arc<SharedTimers>,
}

impl Application {
    /// The application of a registry that is not started yet.
    pub(crate) fn new(instances: Box<[Instance]>, graph: Arc<Graph>) -> Arc<Self> {
        Self::make(instances, None, graph)
    }

    /// The application of a group that has no members yet.
    pub(crate) fn of_group() -> Arc<Self> {
        Self::make(
            Box::default(),
            Some(Box::default()),
            Arc::new(Graph::without_edges(0)),
        )
    }

    fn make(
        instances: Box<[Instance]>,
        members: Option<Box<Members>>,
        graph: Arc<Graph>,
    ) -> Arc<Self> {
        let application = Arc::new(Self {
            instances,
            names: NameIndex::default(),
            members,
            graph,
            request: Request::new(),
            stop: Latch::new(),
            cut: Latch::new(),
            gone: Latch::new(),
            record: Mutex::default(),
            memory: OnceLock::new(),
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: OnceLock::new(),
            begun: OnceLock::new(),
            runtime: Mutex::default(),
            inbox: Inbox::default(),
            health: HealthBoard::new(),
            outer: OnceLock::new(),
            registry: OnceLock::new(),
            followed: Followed::new(),
            subscribers: Arc::default(),
            events: Events::default(),
            #[cfg(all(feature = "systemd", target_os = "linux"))]
            is_told_of: Mutex::default(),
            reloads: tokio::sync::Mutex::default(),
            is_reload_queued: AtomicBool::new(false),
            leases: OnceLock::new(),
            first_healthy: Moment::default(),
        });
        for (service, instance) in application.instances.iter().enumerate() {
            if let Some(inner) = instance.inner() {
                inner.set_outer(&application, service);
            }
        }
        application
    }

    /// The run begins now, on this runtime. Called once.
    pub(crate) fn begin(&self, runtime: Option<Runtime>) {
        self.request.begin(runtime.as_ref());
        if let Some(runtime) = &runtime {
            self.events.begin_turns(runtime);
        }
        *self.current_runtime() = runtime;
        self.inbox.open();
        self.begun();
    }

    /// The run is over, or there will be none: no move follows, and the links to the runtime are dropped.
    pub(crate) fn end(&self) {
        if let Some(begun) = self.begun.get() {
            begun.timers.close();
        }
        self.subscribers.close();
        self.events.close();
        self.inbox.close();
        let runtime = self.current_runtime().take();
        drop(runtime);
    }

    /// The services of a registry.
    pub(crate) fn registered(&self) -> &[Instance] {
        &self.instances
    }

    /// The service with this index, or the member in this slot.
    pub(crate) fn instance(&self, service: usize) -> InstanceRef<'_> {
        match &self.members {
            None => InstanceRef::Registered(&self.instances[service]),
            Some(members) => InstanceRef::Member(members.get(service)),
        }
    }

    /// The member in this slot, if it is the application of a group.
    pub(crate) fn member(&self, slot: usize) -> Option<Arc<Member>> {
        let members = self.members.as_ref()?;
        Some(members.get(slot))
    }

    /// All services, or the members that there are now.
    pub(crate) fn all_instances(&self) -> impl Iterator<Item = InstanceRef<'_>> {
        let members = self.members.as_ref().map(|members| members.shown());
        let registered = self.instances.iter().map(InstanceRef::Registered);
        registered.chain(members.into_iter().flatten().map(InstanceRef::Member))
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.get().is_some()
    }

    fn begun(&self) -> &Begun {
        self.begun.get_or_init(|| {
            let at = Instant::now();
            let timers = SharedTimers::new(at);
            let outer = self.outer();
            let since = outer.and_then(|(outer, _)| Some(outer.begun.get()?.since));
            let since = since.unwrap_or(at);
            Begun { at, since, timers }
        })
    }

    /// The timers of the schedules.
    pub(crate) fn timers(&self) -> &Arc<SharedTimers> {
        &self.begun().timers
    }

    /// What the moments of the schedules are counted from.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.begun().at)
    }

    /// Where the tasks of services are spawned; `None` before the start and after the end.
    pub(crate) fn runtime(&self) -> Option<Runtime> {
        self.current_runtime().clone()
    }

    /// The memory of the registry, or else of the one around it.
    pub(crate) fn memory(&self) -> Option<Arc<dyn Memory>> {
        let own = self.memory.get().map(|memory| memory.0.clone());
        own.or_else(|| self.outer()?.0.memory())
    }

    /// What the wall clock shows.
    #[cfg_attr(
        not(all(feature = "cron", feature = "test-util")),
        expect(clippy::unused_self, reason = "a test has a clock of its own")
    )]
    #[inline]
    pub(crate) fn wall_time(&self) -> SystemTime {
        #[cfg(all(feature = "cron", feature = "test-util"))]
        if let Some(clock) = self.wall_clock.get() {
            return clock.now();
        }
        #[cfg(all(feature = "cron", feature = "test-util"))]
        if let Some((outer, _)) = self.outer() {
            return outer.wall_time();
        }
        SystemTime::now()
    }

    /// Asks the application to stop. Only the first reason counts; readiness is false from here on.
    pub(crate) fn ask_to_stop(&self, reason: Reason) {
        if self.claim_stop(reason) {
            self.announce_stop();
        }
    }

    /// The start is refused: ends the waits of the handles with this reason, even if a stop was requested
    /// before.
    pub(crate) fn refuse(&self, reason: Reason) {
        if self.request.refuse(reason) {
            self.announce_stop();
        }
        self.end();
    }

    /// Makes the request without a wake-up, for a caller that holds a lock. Returns whether it is the
    /// first; the caller must call [`announce_stop`](Self::announce_stop) then.
    pub(crate) fn claim_stop(&self, reason: Reason) -> bool {
        self.request.claim(reason, self.runtime().as_ref())
    }

    /// Wakes the tasks that wait for a request, after [`claim_stop`](Self::claim_stop).
    pub(crate) fn announce_stop(&self) {
        self.request.announce();
        if let Some(reason) = self.request.reason() {
            self.ask_inner_to_stop(reason);
        }
        self.pass_on_woken();
    }

    /// Lets other threads run the task that was woken last. Tokio runs that task next on the thread that
    /// woke it, and no other thread can take it; but the caller may be about to block this thread. An
    /// empty task, spawned here, takes its place.
    pub(crate) fn pass_on_woken(&self) {
        if let Some(runtime) = self.runtime() {
            drop(runtime.spawn(async {}));
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.health.is_up() && self.request.reason().is_none()
    }

    pub(crate) async fn await_healthy(&self) -> Result<(), HealthError> {
        self.health.reached(&self.request).await
    }

    pub(crate) fn states(&self) -> Vec<ServiceStatus> {
        let mut states = Vec::with_capacity(self.instances.len());
        self.add_states(&mut states);
        states
    }

    /// The first service, here or in an inner application, that counts and is not up.
    pub(crate) fn first_missing(&self) -> Option<(Name, State)> {
        let missing = |instance: InstanceRef<'_>| {
            let own = instance.missing();
            own.or_else(|| instance.inner()?.first_missing())
        };
        self.all_instances().find_map(missing)
    }

    /// The states of an inner application follow that of its service.
    fn add_states(&self, states: &mut Vec<ServiceStatus>) {
        for (service, instance) in self.all_instances().enumerate() {
            let mut shown = instance.status();
            if let Some(leases) = self.leases.get() {
                leases.add_to(service, &mut shown);
            }
            states.push(shown);
            if let Some(inner) = instance.inner() {
                inner.add_states(states);
            }
        }
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        self.subscribers.subscribe()
    }

    /// Whether a hook's error only reports that the application is stopping.
    pub(crate) fn is_the_stop(&self, error: &BoxError) -> bool {
        let tells = tells_of_the_stop(error.as_ref(), &self.record().failures);
        tells
            || self
                .outer()
                .is_some_and(|(outer, _)| outer.is_the_stop(error))
    }

    /// The time since the start; of the outermost application, if it is an inner one.
    pub(crate) fn age(&self) -> Duration {
        self.age_at(Instant::now())
    }

    pub(crate) fn now(&self) -> Now {
        let at = Instant::now();
        let age = moments::nanos(self.age_at(at));
        Now { at, age }
    }

    fn age_at(&self, now: Instant) -> Duration {
        if let Some(begun) = self.begun.get() {
            return now.saturating_duration_since(begun.since);
        }
        let outer = self.outer();
        outer.map_or(Duration::ZERO, |(outer, _)| outer.age_at(now))
    }

    /// An error of this service that happens now.
    pub(crate) fn error(&self, service: usize, phase: Phase, fault: Fault) -> ServiceError {
        let name = self.instance(service).name.clone();
        ServiceError::new(name, phase, fault, self.age())
    }

    /// The error of a service that was not ready within its start timeout, `limit`.
    pub(crate) fn start_timeout(&self, service: usize, limit: Duration) -> ServiceError {
        let instance = self.instance(service);
        let (name, start) = (instance.name.clone(), instance.unfinished_start());
        ServiceError::start_timeout(name, limit, start, self.age())
    }

    /// Moves a service to a state and tells the subscribers. Only the supervisor calls it, so all
    /// subscribers see the moves in one order.
    pub(crate) fn move_to(&self, service: usize, to: State, now: Now) {
        let instance = self.instance(service);
        let from = instance.move_to(to);
        // A service that was never up has no loop, which would answer the calls of `trigger`.
        if to.is_final() {
            instance.close_triggers();
        }
        let took = instance.moments.note(from, to, now.age);
        let transition = || Transition {
            name: instance.name.clone(),
            from,
            to,
            at: now.at,
        };
        let mut is_observed = self.events.is_observed();
        self.subscribers.send(transition);
        self.for_each_listener(|listener| {
            is_observed |= listener.events.is_observed();
            listener.subscribers.send(transition);
        });
        if is_observed {
            let took = Duration::from_nanos(took);
            self.tell(service, EventKind::Moved { from, to, took });
        } else {
            events::log_move(instance.name.as_str(), to);
        }
        if instance.has_inner() {
            self.look_at_inner(service);
        }
    }

    /// Logs what has happened to a service, and tells the observers of it.
    pub(crate) fn tell(&self, service: usize, kind: EventKind) {
        let name = &self.instance(service).name.clone();
        events::log(Some(name), &kind);
        self.for_each_listener(|listener| {
            listener.tell_observers(self, Some(name), || kind.clone());
        });
        self.tell_observers(self, Some(name), || kind);
    }

    /// The same of the whole application. Of an inner one the moves of its service say as much.
    pub(crate) fn tell_of_all(&self, kind: EventKind) {
        if !self.is_inner() {
            events::log(None, &kind);
        }
        self.tell_registry(|registry| registry.tell_observers(self, None, || kind.clone()));
        self.tell_observers(self, None, || kind);
    }

    /// `teller` is where it happens: this one, or one that this one is told of.
    fn tell_observers(
        &self,
        teller: &Self,
        service: Option<&Name>,
        kind: impl FnOnce() -> EventKind,
    ) {
        if self.events.is_observed() {
            // That of a registry which is a service has neither a runtime nor a clock.
            let own = if self.has_begun() { self } else { teller };
            let (runtime, time) = (own.runtime(), own.wall_time());
            self.events
                .tell(service.cloned(), kind(), time, runtime.as_ref());
        }
    }

    /// Whether somebody is told of events, here or outside.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.events.is_observed() || self.is_inner() && self.is_observed_outside()
    }

    fn is_observed_outside(&self) -> bool {
        let registry = self.registry.get().and_then(Weak::upgrade);
        registry.is_some_and(|registry| registry.events.is_observed())
            || self.outer().is_some_and(|(outer, _)| outer.is_observed())
    }

    pub(super) fn has_subscribers(&self) -> bool {
        self.subscribers.is_some()
    }

    /// Resolves when the observers have seen all events, or are too slow to wait for.
    pub(crate) async fn seen(&self) {
        self.events.seen().await;
        if let Some(registry) = self.registry.get().and_then(Weak::upgrade) {
            registry.events.seen().await;
        }
    }

    pub(crate) fn set_health(&self, health: Health) {
        if matches!(health, Health::Healthy) {
            self.first_healthy.set_once(self.age());
        }
        if self.health.set(health) {
            self.tell_outer_of_health();
        }
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether systemd hears of reloads. The guard is held while a message is sent: so systemd hears of a reload
    /// after `READY` and before `STOPPING`, and of each one that begins after `READY`.
    #[cfg(all(feature = "systemd", target_os = "linux"))]
    pub(crate) fn told_of(&self) -> MutexGuard<'_, bool> {
        self.is_told_of
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn current_runtime(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
