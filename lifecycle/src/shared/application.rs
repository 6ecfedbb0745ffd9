//! What one run of a registry shares: its instances, the request to stop, health, and
//! the record of what went wrong.
//!
//! Contexts and handles read it and ask through it; only the supervisor changes what others see of
//! a service.
//!
//! # Invariants
//!
//! It is made when the registry is assembled, and *begun* once, before the supervisor's task exists.
//! So whoever subscribes before that is in the list at the first move: both take the lock of the
//! subscribers. It is *ended* once the supervisor has made its last move, or instead of beginning.
//! Between the two, and only then, it has links to the runtime. A closed number of a subscription is
//! never given again, so a subscription that is dropped late removes nobody else's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
#[cfg(feature = "cron")]
use std::time::SystemTime;

use tokio::runtime::Handle as Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::panics::{self, log_safely};
use crate::report::error::{BoxError, Fault, HealthError, ServiceError, tells_of_the_stop};
use crate::report::name::Name;
use crate::report::outcome::Laggard;
use crate::report::reason::{Reason, Signal};
use crate::report::status::{Phase, ServiceStatus, State, Transition};
use crate::shared::instance::Instance;
use crate::shared::latch::Latch;
use crate::shared::request::Request;
use crate::time::shared_timers::SharedTimers;

#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) instances: Box<[Instance]>,
    pub(crate) request: Request,
    /// The watchdog's word that an alarm of the supervisor has come, in case the runtime's own clock
    /// stands still.
    pub(crate) alarm: Notify,
    /// Closed when the owner of the running registry wants the services stopped.
    pub(crate) stop: Latch,
    /// Closed when the service that has started this run is over, and its time too.
    pub(crate) cut: Latch,
    /// Closed when the supervisor is gone, and with it all of the run.
    pub(crate) gone: Latch,
    pub(crate) record: Mutex<Record>,
    /// Instead of the system's, in a test.
    #[cfg(all(feature = "cron", feature = "test-util"))]
    pub(crate) wall_clock: OnceLock<crate::time::WallClock>,
    /// Set once, at the start.
    begun: OnceLock<Begun>,
    /// None before the start, and once the run is over.
    links: Mutex<Option<Links>>,
    all_up: AtomicBool,
    health: Mutex<Health>,
    subscribers: Mutex<Subscribers>,
}

/// What there is from the start on: no clock runs before it.
#[derive(Debug)]
struct Begun {
    at: Instant,
    /// Of the schedules.
    timers: Arc<SharedTimers>,
}

/// What holds the runtime. A handle may be kept long after the run, and must not keep the runtime's
/// memory and descriptors with it.
#[derive(Clone, Debug)]
struct Links {
    /// Where tasks of services are spawned; none only when there is no runtime at all.
    runtime: Option<Runtime>,
    /// The other end of the channel keeps the waker of the supervisor's task.
    events: mpsc::UnboundedSender<SupervisorEvent>,
}

/// What a service's task reports to the supervisor.
#[derive(Debug)]
pub(crate) struct SupervisorEvent {
    pub(crate) service: usize,
    pub(crate) news: RunnerNews,
}

#[derive(Debug)]
pub(crate) enum RunnerNews {
    /// It turns out to be a oneshot, which a decorator has hidden.
    Oneshot,
    /// It is ready: dependents may start.
    Ready,
    /// Something of it failed; it is still there and waits to be stopped.
    Failed(ServiceError),
    /// What was running in this phase did not end in time and was dropped.
    Late(Phase),
    /// It is to be started again, that long after it is down.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "for the policies, none of which restarts a service so far"
        )
    )]
    Restart(Duration),
    /// It is gone; whether its task hands the service back for another run.
    Down { is_kept: bool },
}

/// Whether every service is up, or can no longer be.
#[derive(Clone, Debug)]
pub(crate) enum Health {
    /// Closed as soon as it is not pending any more; another one each time that it is again.
    Pending(Arc<Latch>),
    Healthy,
    Impossible(ServiceError),
}

impl Health {
    pub(crate) fn pending() -> Self {
        Self::Pending(Arc::new(Latch::new()))
    }
}

/// What the outcome will be made of.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) failures: Vec<ServiceError>,
    /// Whether one of them was of a service whose policy is to shut down.
    pub(crate) has_fatal: bool,
    pub(crate) laggards: Vec<Laggard>,
    /// What the future of `stop_on` panicked with.
    pub(crate) external_panic: Option<Arc<str>>,
    /// The first signal that came while the run was up.
    pub(crate) signal: Option<Signal>,
    pub(crate) requested: Option<Instant>,
    pub(crate) ended: Option<Instant>,
}

#[derive(Debug, Default)]
struct Subscribers {
    /// In the order in which they came.
    list: BTreeMap<u64, mpsc::UnboundedSender<Transition>>,
    next: u64,
    closed: bool,
}

/// The moves, from the subscription on. Dropping it ends the subscription at once.
#[derive(Debug)]
pub(crate) struct Subscription {
    moves: mpsc::UnboundedReceiver<Transition>,
    application: Weak<Application>,
    number: u64,
}

impl Application {
    /// Of a registry that is not started yet.
    pub(crate) fn new(instances: Box<[Instance]>) -> Arc<Self> {
        Arc::new(Self {
            instances,
            request: Request::new(),
            alarm: Notify::new(),
            stop: Latch::new(),
            cut: Latch::new(),
            gone: Latch::new(),
            record: Mutex::default(),
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: OnceLock::new(),
            begun: OnceLock::new(),
            links: Mutex::default(),
            all_up: AtomicBool::new(false),
            health: Mutex::new(Health::pending()),
            subscribers: Mutex::default(),
        })
    }

    /// The run begins now, on this runtime. Called once.
    pub(crate) fn begin(
        &self,
        runtime: Option<Runtime>,
    ) -> mpsc::UnboundedReceiver<SupervisorEvent> {
        let (events, inbox) = mpsc::unbounded_channel();
        self.request.begin(runtime.as_ref());
        *self.links() = Some(Links { runtime, events });
        self.begun();
        inbox
    }

    /// The run is over, or there will be none: no move follows, and nothing is kept of the runtime.
    pub(crate) fn end(&self) {
        if let Some(begun) = self.begun.get() {
            begun.timers.close();
        }
        self.close_subscriptions();
        let links = self.links().take();
        // The last sender wakes the supervisor: not under the lock.
        drop(links);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.get().is_some()
    }

    fn begun(&self) -> &Begun {
        self.begun.get_or_init(|| {
            let at = Instant::now();
            let timers = SharedTimers::new(at);
            Begun { at, timers }
        })
    }

    /// Of the schedules.
    pub(crate) fn timers(&self) -> &Arc<SharedTimers> {
        &self.begun().timers
    }

    /// Where tasks of services are spawned; nowhere before the start and after the end.
    pub(crate) fn runtime(&self) -> Option<Runtime> {
        self.links().as_ref()?.runtime.clone()
    }

    /// What the wall clock shows.
    #[cfg(feature = "cron")]
    #[cfg_attr(
        not(feature = "test-util"),
        expect(clippy::unused_self, reason = "a test has a clock of its own")
    )]
    pub(crate) fn wall_time(&self) -> SystemTime {
        #[cfg(feature = "test-util")]
        if let Some(clock) = self.wall_clock.get() {
            return clock.now();
        }
        SystemTime::now()
    }

    /// Asks the application to stop. Only the first reason counts; readiness is false from here on.
    pub(crate) fn ask_to_stop(&self, reason: Reason) {
        if self.claim_stop(reason) {
            self.announce_stop();
        }
    }

    /// There will be no run: whoever waits is told why, and a stop that was asked for before does not
    /// hide it.
    pub(crate) fn refuse(&self, reason: Reason) {
        if self.request.refuse(reason) {
            self.announce_stop();
        }
        self.end();
    }

    /// Makes the request, without waking anything yet: for a caller that holds a lock. Returns whether
    /// it is the first; [`announce_stop`](Self::announce_stop) must follow then.
    pub(crate) fn claim_stop(&self, reason: Reason) -> bool {
        self.request.claim(reason, self.runtime().as_ref())
    }

    /// Wakes what waits for a request that was claimed.
    pub(crate) fn announce_stop(&self) {
        self.request.announce();
        self.pass_on_woken();
    }

    /// Tokio lets the task that was woken last run next on the waker's thread, and nowhere else. The
    /// caller may be about to block that thread: an empty task takes that place, so that the task that
    /// was woken before can run on another.
    pub(crate) fn pass_on_woken(&self) {
        if let Some(runtime) = self.runtime() {
            drop(runtime.spawn(async {}));
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.all_up.load(Ordering::Acquire) && self.request.reason().is_none()
    }

    pub(crate) async fn await_healthy(&self) -> Result<(), HealthError> {
        loop {
            let seen = self.health().clone();
            if let Health::Impossible(error) = &seen {
                return Err(HealthError::Service(error.clone()));
            }
            match self.request.reason() {
                Some(Reason::Failure(error)) => return Err(HealthError::Service(error.clone())),
                Some(Reason::NotStarted(error)) => {
                    return Err(HealthError::NotStarted(error.clone()));
                }
                // Oneshots that have all succeeded have finished, and were healthy.
                Some(Reason::Finished) | None if matches!(seen, Health::Healthy) => return Ok(()),
                Some(reason) => return Err(HealthError::Stopping(reason.clone())),
                None => {}
            }
            let Health::Pending(over) = seen else {
                continue;
            };
            tokio::select! {
                () = over.closed() => {}
                _ = self.request.made() => {}
            }
        }
    }

    pub(crate) fn states(&self) -> Vec<ServiceStatus> {
        self.instances.iter().map(Instance::status).collect()
    }

    pub(crate) fn subscribe(self: &Arc<Self>) -> Subscription {
        let (sender, moves) = mpsc::unbounded_channel();
        let mut subscribers = self.subscribers();
        let number = subscribers.next;
        if !subscribers.closed {
            subscribers.next += 1;
            subscribers.list.insert(number, sender);
        }
        Subscription {
            moves,
            application: Arc::downgrade(self),
            number,
        }
    }

    /// Whether a hook's error only says that the application is stopping.
    pub(crate) fn is_the_stop(&self, error: &BoxError) -> bool {
        tells_of_the_stop(error.as_ref(), &self.record().failures)
    }

    /// How long ago it was started.
    fn age(&self) -> Duration {
        let begun = self.begun.get();
        begun.map_or(Duration::ZERO, |begun| begun.at.elapsed())
    }

    /// An error of this service, as of now.
    pub(crate) fn error(&self, service: usize, phase: Phase, fault: Fault) -> ServiceError {
        let name = self.instances[service].name.clone();
        ServiceError::new(name, phase, fault, self.age())
    }

    /// The error of a service that was not ready within its start timeout, `limit`.
    pub(crate) fn start_timeout(&self, service: usize, limit: Duration) -> ServiceError {
        let instance = &self.instances[service];
        let (name, start) = (instance.name.clone(), instance.unfinished_start());
        ServiceError::start_timeout(name, limit, start, self.age())
    }

    pub(crate) fn report(&self, service: usize, news: RunnerNews) {
        // Not under the lock: it wakes the supervisor.
        let events = self.links().as_ref().map(|links| links.events.clone());
        if let Some(events) = events {
            // Nobody listens once the supervisor is gone: there is nothing left to say.
            let _ = events.send(SupervisorEvent { service, news });
        }
    }

    /// Moves a service and tells the subscribers. The supervisor alone calls it, so moves have one
    /// order for all.
    pub(crate) fn move_to(&self, service: usize, to: State) {
        let instance = &self.instances[service];
        let from = instance.move_to(to);
        // One that was never up has no loop that would tell those who wait for a tick.
        if let Some(ticks) = instance.ticks().filter(|_| to.is_final()) {
            ticks.close();
        }
        log_move(&instance.name, to);
        let subscribers = self.subscribers();
        if subscribers.list.is_empty() {
            return;
        }
        let transition = Transition {
            name: instance.name.clone(),
            from,
            to,
            at: Instant::now(),
        };
        for subscriber in subscribers.list.values() {
            // One that is gone leaves the list by itself, and one whose waker panics has got the move all
            // the same.
            let _ = panics::catch(|| subscriber.send(transition.clone()));
        }
    }

    pub(crate) fn set_health(&self, health: Health) {
        self.all_up
            .store(matches!(health, Health::Healthy), Ordering::Release);
        let before = std::mem::replace(&mut *self.health(), health);
        // It wakes those that wait: not under the lock.
        if let Health::Pending(over) = before {
            over.close();
        }
    }

    /// Ends every subscription: no move will follow.
    fn close_subscriptions(&self) {
        let mut subscribers = self.subscribers();
        subscribers.closed = true;
        let list = std::mem::take(&mut subscribers.list);
        drop(subscribers);
        // Each wakes who waits for it.
        let _ = panics::drop_each(list);
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> MutexGuard<'_, Option<Links>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    pub(crate) async fn recv(&mut self) -> Option<Transition> {
        self.moves.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(application) = self.application.upgrade() else {
            return;
        };
        let sender = application.subscribers().list.remove(&self.number);
        // It wakes the task that has waited here last: not under the lock.
        let _ = panics::catch(|| drop(sender));
    }
}

fn log_move(service: &Name, to: State) {
    match to {
        // Why it failed has been said already.
        State::New | State::Waiting | State::Failed => {
            log_safely!(debug, service = %service, "{to}");
        }
        _ => {
            log_safely!(info, service = %service, "{to}");
        }
    }
}
