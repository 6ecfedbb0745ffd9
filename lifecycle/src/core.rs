//! What one run of a registry shares: the cells of its services, the request to stop, health, and
//! the record of what went wrong.
//!
//! Contexts and handles read it and ask through it; only the supervisor changes what others see of
//! a service.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
#[cfg(feature = "cron")]
use std::time::SystemTime;
use std::time::{Duration, Instant as WallInstant};

use tokio::runtime::Handle as Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::beats::Beats;
use crate::cell::Cell;
use crate::contain::{self, say};
use crate::error::{BoxError, Error, Fault, ServiceError, tells_of_the_stop};
use crate::gate::Gate;
use crate::name::Name;
use crate::outcome::Laggard;
use crate::reason::{Reason, Signal};
use crate::status::{Phase, ServiceStatus, State, Transition};
use crate::watchdog::Word;

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) cells: Box<[Cell]>,
    pub(crate) request: Request,
    /// The watchdog's word that an alarm of the supervisor has come, in case the runtime's own clock
    /// stands still.
    pub(crate) alarm: Notify,
    /// Closed when the owner of the running registry wants the services stopped.
    pub(crate) stop: Gate,
    /// Closed when the service that has started this run is over, and its time too.
    pub(crate) cut: Gate,
    /// Closed when the supervisor is gone, and with it all of the run.
    pub(crate) gone: Gate,
    /// Where tasks of services are spawned; none only when there is no runtime at all.
    pub(crate) runtime: Option<Runtime>,
    pub(crate) record: Mutex<Record>,
    /// Instead of the system's, in a test.
    #[cfg(all(feature = "cron", feature = "test-util"))]
    pub(crate) wall_clock: OnceLock<crate::testing::WallClock>,
    /// Of the schedules.
    pub(crate) beats: Arc<Beats>,
    started: Instant,
    all_up: AtomicBool,
    health: Mutex<Health>,
    /// Closed as soon as health is not pending any more.
    health_known: Gate,
    events: mpsc::UnboundedSender<Event>,
    subscribers: Mutex<Subscribers>,
}

/// The first request to stop the application. Later ones change nothing.
#[derive(Debug)]
pub(crate) struct Request {
    reason: OnceLock<Reason>,
    made: Gate,
    made_at: OnceLock<MadeAt>,
    /// The thread that must hear of the request whatever the runtime is doing.
    watchdog: Mutex<Option<Sender<Word>>>,
}

/// One instant on two clocks, so that all who keep the deadline count from the same.
#[derive(Clone, Copy, Debug)]
struct MadeAt {
    /// The machine's, which the watchdog goes by.
    wall: WallInstant,
    /// The runtime's, which may be paused in a test.
    runtime: Instant,
}

/// What a service's task reports to the supervisor.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) service: usize,
    pub(crate) news: News,
}

#[derive(Debug)]
pub(crate) enum News {
    /// It turns out to be a oneshot, which a decorator has hidden.
    Oneshot,
    /// It is ready: dependents may start.
    Ready,
    /// Something of it failed; it is still there and waits to be stopped.
    Failed(ServiceError),
    /// What was running in this phase did not end in time and was dropped.
    Late(Phase),
    /// It is gone.
    Down,
}

/// Whether every service is up, or can no longer be.
#[derive(Clone, Debug)]
pub(crate) enum Health {
    Pending,
    Healthy,
    Impossible(ServiceError),
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
    list: Vec<mpsc::UnboundedSender<Transition>>,
    closed: bool,
}

impl Core {
    pub(crate) fn new(
        cells: Box<[Cell]>,
        runtime: Option<Runtime>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Event>) {
        let (events, inbox) = mpsc::unbounded_channel();
        let started = Instant::now();
        let core = Self {
            cells,
            request: Request {
                reason: OnceLock::new(),
                made: Gate::new(),
                made_at: OnceLock::new(),
                watchdog: Mutex::default(),
            },
            alarm: Notify::new(),
            stop: Gate::new(),
            cut: Gate::new(),
            gone: Gate::new(),
            runtime,
            record: Mutex::default(),
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: OnceLock::new(),
            beats: Beats::new(started),
            started,
            all_up: AtomicBool::new(false),
            health: Mutex::new(Health::Pending),
            health_known: Gate::new(),
            events,
            subscribers: Mutex::default(),
        };
        (Arc::new(core), inbox)
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

    /// Makes the request, without waking anything yet: for a caller that holds a lock. Returns whether
    /// it is the first; [`announce_stop`](Self::announce_stop) must follow then.
    pub(crate) fn claim_stop(&self, reason: Reason) -> bool {
        self.request.claim(reason, self.runtime.as_ref())
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
        if let Some(runtime) = &self.runtime {
            drop(runtime.spawn(async {}));
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.all_up.load(Ordering::Acquire) && self.request.reason().is_none()
    }

    pub(crate) async fn await_healthy(&self) -> Result<(), Error> {
        loop {
            let seen = self.health().clone();
            if let Health::Impossible(error) = seen {
                return Err(Error::Service(error));
            }
            match self.request.reason() {
                Some(Reason::Failure(error)) => return Err(Error::Service(error.clone())),
                Some(Reason::NotStarted(error)) => return Err(Error::NotStarted(error.clone())),
                // Oneshots that have all succeeded have finished, and were healthy.
                Some(Reason::Finished) | None if matches!(seen, Health::Healthy) => return Ok(()),
                Some(reason) => return Err(Error::Stopping(reason.clone())),
                None => {}
            }
            tokio::select! {
                () = self.health_known.closed() => {}
                _ = self.request.made() => {}
            }
        }
    }

    pub(crate) fn states(&self) -> Vec<ServiceStatus> {
        self.cells.iter().map(Cell::status).collect()
    }

    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Transition> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut subscribers = self.subscribers();
        if !subscribers.closed {
            subscribers.list.push(sender);
        }
        receiver
    }

    /// Whether a hook's error only says that the application is stopping.
    pub(crate) fn is_the_stop(&self, error: &BoxError) -> bool {
        tells_of_the_stop(error.as_ref(), &self.record().failures)
    }

    /// An error of this service, as of now.
    pub(crate) fn error(&self, service: usize, phase: Phase, fault: Fault) -> ServiceError {
        let name = self.cells[service].name.clone();
        ServiceError::new(name, phase, fault, self.started.elapsed())
    }

    /// The error of a service that was not ready within its start timeout, `limit`.
    pub(crate) fn start_timeout(&self, service: usize, limit: Duration) -> ServiceError {
        let cell = &self.cells[service];
        let (name, start) = (cell.name.clone(), cell.unfinished_start());
        ServiceError::start_timeout(name, limit, start, self.started.elapsed())
    }

    pub(crate) fn report(&self, service: usize, news: News) {
        // Nobody listens once the supervisor has given the service up: there is nothing left to
        // say.
        let _ = self.events.send(Event { service, news });
    }

    /// Moves a service and tells the subscribers. The supervisor alone calls it, so moves have one
    /// order for all.
    pub(crate) fn move_to(&self, service: usize, to: State) {
        let cell = &self.cells[service];
        let from = cell.move_to(to);
        // One that was never up has no loop that would tell those who wait for a tick.
        if let Some(ticks) = cell.ticks().filter(|_| to.is_final()) {
            ticks.close();
        }
        log_move(&cell.name, to);
        let mut subscribers = self.subscribers();
        if subscribers.list.is_empty() {
            return;
        }
        let transition = Transition {
            name: cell.name.clone(),
            from,
            to,
            at: Instant::now(),
        };
        subscribers.list.retain(|subscriber| {
            // One whose waker panics has got the move all the same.
            contain::call(|| subscriber.send(transition.clone()).is_ok()).unwrap_or(true)
        });
    }

    pub(crate) fn set_health(&self, health: Health) {
        self.all_up
            .store(matches!(health, Health::Healthy), Ordering::Release);
        *self.health() = health;
        self.health_known.close();
    }

    /// Ends every subscription: no move will follow.
    pub(crate) fn close_subscriptions(&self) {
        let mut subscribers = self.subscribers();
        subscribers.closed = true;
        let list = std::mem::take(&mut subscribers.list);
        drop(subscribers);
        // Each wakes who waits for it.
        let _ = contain::drop_each(list);
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_move(service: &Name, to: State) {
    match to {
        // Why it failed has been said already.
        State::New | State::Waiting | State::Failed => {
            say!(debug, service = %service, "{to}");
        }
        _ => {
            say!(info, service = %service, "{to}");
        }
    }
}

impl MadeAt {
    /// The caller may be on any thread; a clock that is paused is known inside its runtime only.
    fn now(runtime: Option<&Runtime>) -> Self {
        let entered = contain::call(|| runtime.map(Runtime::enter));
        let now = Self {
            wall: WallInstant::now(),
            runtime: Instant::now(),
        };
        drop(entered);
        now
    }
}

impl Request {
    /// Whether this is the first one.
    fn claim(&self, reason: Reason, runtime: Option<&Runtime>) -> bool {
        let is_first = self.reason.set(reason).is_ok();
        if is_first {
            let _ = self.made_at.set(MadeAt::now(runtime));
        }
        is_first
    }

    fn announce(&self) {
        // First, for the watchdog's time counts from it, and from the supervisor's alarms only then.
        self.tell_watchdog_when();
        self.made.close();
    }

    pub(crate) fn reason(&self) -> Option<&Reason> {
        self.reason.get()
    }

    /// When the request was made, on the clock of the machine.
    pub(crate) fn made_at(&self) -> Option<WallInstant> {
        self.made_at.get().map(|at| at.wall)
    }

    /// When the request was made, on the clock of the runtime.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        self.made_at.get().map(|at| at.runtime)
    }

    /// Resolves when there is a request.
    pub(crate) async fn made(&self) -> Reason {
        self.made.closed().await;
        // The reason is set before the gate closes.
        self.reason().cloned().unwrap_or(Reason::Requested)
    }

    /// Names the thread to be told of the request, now or when it comes.
    pub(crate) fn watch_by(&self, watchdog: Sender<Word>) {
        *self.watchdog() = Some(watchdog);
        if self.reason().is_some() {
            self.tell_watchdog_when();
        }
    }

    fn tell_watchdog_when(&self) {
        let asked = self.made_at().unwrap_or_else(WallInstant::now);
        self.tell_watchdog(Word::Asked(asked));
    }

    pub(crate) fn tell_watchdog(&self, word: Word) {
        if let Some(watchdog) = &*self.watchdog() {
            // A thread that is gone has nothing to watch any more.
            let _ = watchdog.send(word);
        }
    }

    fn watchdog(&self) -> MutexGuard<'_, Option<Sender<Word>>> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
