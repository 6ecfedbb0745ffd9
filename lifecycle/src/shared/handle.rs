//! A view of an application: shows its state, waits for it, asks it to stop.

mod schedules;

use std::fmt;
use std::sync::Arc;

use crate::engine::{self, Edge};
use crate::report::dependency::{Dependency, DependencyKind};
use crate::report::error::{HealthError, ReloadError, RestartError, TriggerError};
use crate::report::reason::Reason;
use crate::report::startup::Startup;
#[cfg(doc)]
use crate::report::status::OnFailure;
use crate::report::status::ServiceStatus;
use crate::shared::application::Application;
use crate::shared::current::{self, ServiceId};
use crate::shared::inner::Found;
use crate::shared::instance::Instance;
use crate::shared::nested;
use crate::shared::reload;
use crate::shared::startup;
use crate::shared::subscriptions::{Events, Transitions};
use crate::shared::waits::{self, Waits};

/// A view of a [`Running`](crate::Running) registry: cheap to clone, `'static`, and harmless to
/// drop. There is one [before the start](crate::Registry::handle), and it stays valid after the stop:
/// it then keeps what it shows, and nothing of the runtime.
///
/// One that was taken of a registry that is then named in another one as a service shows that service: see
/// [the guide](crate::guide::nesting).
///
/// ```
/// # use lifecycle::{Idle, State, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lifecycle::Result {
/// let running = registry! { "store" => Store }.start();
/// let handle = running.handle();
/// handle.await_healthy().await?;
/// assert!(handle.is_healthy());
/// assert_eq!(handle.status("store").map(|store| store.state), Some(State::Running));
///
/// handle.shutdown();
/// assert!(!handle.is_healthy()); // at once, though every service still runs
/// println!("{}", handle.wait().await); // stop requested
/// running.stop().await.into_result()?;
/// assert_eq!(handle.states()[0].state, State::Stopped);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Handle {
    application: Arc<Application>,
}

impl Handle {
    pub(crate) fn new(application: Arc<Application>) -> Self {
        Self { application }
    }

    /// Asks the application to stop, successfully. Readiness turns false at once and
    /// [`wait`](Self::wait) returns; the owner of the [`Running`](crate::Running) then stops it.
    /// Only the first request counts. Within a registry that is a service this means the outermost
    /// application.
    pub fn shutdown(&self) {
        let outermost = self.application.followed().outermost();
        outermost.ask_to_stop(Reason::Requested);
    }

    /// Resolves when there is a reason to stop. Cancel-safe.
    pub async fn wait(&self) -> Reason {
        self.application.stops().await
    }

    /// Readiness: every service is running, or is a oneshot that succeeded, and no stop was requested.
    /// Those under [`OnFailure::Ignore`] do not count. Costs three atomic loads, whatever the number of
    /// services.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.application.followed().is_healthy()
    }

    /// Resolves when every service is running and every oneshot has succeeded, but for those under
    /// [`OnFailure::Ignore`]: it neither waits for them nor fails by them. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The failure that made it impossible, or why the application stops instead.
    pub async fn await_healthy(&self) -> Result<(), HealthError> {
        self.application.comes_up().await
    }

    /// The status of every service, in registry order. The services of one that is a registry itself follow
    /// it, with names like `parent/child`.
    #[must_use]
    pub fn states(&self) -> Vec<ServiceStatus> {
        self.application.followed().states()
    }

    /// The status of the service with this name; `None` if there is no such service.
    #[must_use]
    pub fn status(&self, service: &str) -> Option<ServiceStatus> {
        let found = self.application.followed().find(service)?;
        Some(found.status())
    }

    /// Why the application stops; `None` while nothing has asked for it.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.application.followed().request.reason().cloned()
    }

    /// How the application came up, or is coming up: for each service when it began to wait, to start, was
    /// ready. Printed, it is the critical chain, which is logged as well when a start fails or times out.
    ///
    /// ```
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let running = registry! { "store" => Store }.start();
    /// running.await_healthy().await.unwrap();
    /// let startup = running.handle().startup();
    /// println!("{startup}");
    /// assert!(startup.services[0].ready >= startup.services[0].starting);
    /// # running.stop().await.into_result().unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn startup(&self) -> Startup {
        startup::report(&self.application.followed(), None)
    }

    /// Has the services take over new values: calls their `reload` hooks, those of dependencies first, and then
    /// has every schedule read its interval, delay or cron expression again. Where the values come from is the
    /// program's matter: a configuration behind a lock, replaced before this is called.
    ///
    /// One `reload` after the other, each within its `start_timeout`. A service that is just starting is waited
    /// for, because it may have read the old values; one that is not running is left out. Calls that come
    /// together are carried out one after the other.
    ///
    /// Cancel-safe: a reload that was asked for goes on, even if the call is dropped. A request to stop ends it.
    ///
    /// # Errors
    ///
    /// [`ReloadError::Services`] with all that failed. Such a service goes on, shows as `degraded` until a later
    /// reload of it succeeds, and the others are reloaded all the same. The other errors say that there was
    /// nothing to reload: before the start, or while the application stops; or that the call would wait for
    /// itself.
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use std::time::Duration;
    /// use lifecycle::{Context, Result, Scheduled, service};
    ///
    /// #[service(scheduled(interval = *self.every.lock().unwrap()))]
    /// struct Collector { every: Mutex<Duration> }
    ///
    /// impl Scheduled for Collector {
    ///     async fn tick(&self, _: &Context) -> Result { collect().await }
    ///
    ///     async fn reload(&self, _: &Context) -> Result {
    ///         *self.every.lock().unwrap() = read_config().await?;
    ///         Ok(())
    ///     }
    /// }
    /// # async fn collect() -> Result { Ok(()) }
    /// # async fn read_config() -> Result<Duration> { Ok(Duration::from_secs(1)) }
    /// ```
    pub async fn reload(&self) -> Result<(), ReloadError> {
        reload::reload(&self.application.followed()).await
    }

    /// What each service depends on, in registry order, as [`states`](Self::states) lists the services.
    /// It never changes.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Vec<Dependency>> {
        let mut all = Vec::new();
        add_dependencies(&self.application.followed(), &mut all);
        all
    }

    /// Liveness: resolves when the task that starts and stops the services has come to this question, so
    /// that a probe can tell when it no longer does. Bound it with a timeout. Resolves at once before the
    /// start and after the end, when there is no such task. Cancel-safe.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn is_alive(handle: &lifecycle::Handle) -> bool {
    /// tokio::time::timeout(Duration::from_secs(1), handle.ping()).await.is_ok()
    /// # }
    /// ```
    pub async fn ping(&self) {
        self.application.followed().ping().await;
    }

    /// Runs a tick of a scheduled service now, or as soon as the one in flight has ended: never two
    /// at once. Resolves when that tick has ended; all calls before it begins share it. A service that does
    /// not run yet ticks as soon as it does. The schedule goes on as it was; under `delay = ..` it counts
    /// from the end of this tick.
    ///
    /// Of a [queue](crate::Queue) it flushes now all that was accepted, or as soon as the flush in flight has
    /// ended, without waiting for full batches, for the interval, or for the next attempt of a batch that has
    /// failed. Resolves when all of that is flushed (at once, if there is nothing), or when an attempt
    /// fails; that one counts as any other, and the queue goes on trying as it would.
    ///
    /// A service of a registry that is a service is named by its path, `parent/child`; on a handle of that
    /// registry also as it was declared.
    ///
    /// A service cannot wait for a tick or a flush of its own in its own hooks, nor by way of others: that is an
    /// error at once. A task that it has started with [`Context::spawn`](crate::Context::spawn) can.
    /// (A hook that waits for such a task, or for a thread or a task of tokio's that asks, is not found
    /// out: a `tick_timeout` or a `flush_timeout` ends it.)
    ///
    /// Cancel-safe: what was asked for runs, even if the call is dropped.
    ///
    /// # Errors
    ///
    /// The failure of the tick or the flush; no such service, one without either, or one that has stopped; a
    /// registry that was not started; a wait that would have no end.
    ///
    /// ```
    /// # use lifecycle::{Context, Result, Scheduled, registry, service};
    /// # #[service(scheduled(interval = "1h"))] struct Report;
    /// # impl Scheduled for Report { async fn tick(&self, _: &Context) -> Result { Ok(()) } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let running = registry! { "report" => Report }.start();
    /// running.handle().trigger("report").await?; // an hour before it is due
    /// # running.stop().await.into_result()?;
    /// # Ok(()) }
    /// ```
    pub async fn trigger(&self, service: &str) -> Result<(), TriggerError> {
        let Some(target) = self.application.followed().find(service) else {
            return Err(TriggerError::Unknown(service.to_owned()));
        };
        let target = Target(target);
        if !target.0.application.has_begun() {
            return Err(target.never_begun());
        }
        if target.instance().disabled.get().is_some() {
            return Err(TriggerError::Disabled(target.instance().name.clone()));
        }
        let _waits = target.wait_for()?;
        target.trigger().await
    }

    /// Restarts a service by hand, whatever its [policy](crate::OnFailure) and at no cost to the number of its
    /// restarts: it is stopped and drained within its `stop_timeout`, and started again at once. What
    /// [restarts with it](crate::RegistryBuilder::restart_with) is stopped before and started after it. Of a service
    /// that waits for a restart already, the wait ends now.
    ///
    /// Resolves when the service is up again. If its new start fails, its policy decides whether there is another
    /// one; then this waits on.
    ///
    /// A oneshot can be restarted while it is at work; once it is done it has ended. A registry that is a service is
    /// restarted with all of its services, and each of these by its path, `parent/child`.
    ///
    /// Cancel-safe: the restart goes on, even if the call is dropped.
    ///
    /// # Errors
    ///
    /// No such service, one that is disabled, does not run or has ended; code of a service that this would stop; a registry
    /// that was not started or is being stopped; the failure that has ended the service for good on its way.
    ///
    /// ```
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Feed;
    /// # impl Idle for Feed {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lifecycle::Result {
    /// let running = registry! { "feed" => Feed }.start();
    /// let handle = running.handle();
    /// handle.await_healthy().await?;
    /// handle.restart("feed").await?;
    /// assert_eq!(handle.status("feed").map(|feed| feed.restarts), Some(1));
    /// # running.stop().await.into_result()?;
    /// # Ok(()) }
    /// ```
    pub async fn restart(&self, service: &str) -> Result<(), RestartError> {
        let Some(target) = self.application.followed().find(service) else {
            return Err(RestartError::Unknown(service.to_owned()));
        };
        let has_begun = self.application.followed().has_begun();
        target.restart(has_begun).await
    }

    /// Every move of every service from now on, each once and in order. A slow subscriber delays no
    /// service. To see the first moves too, subscribe before the start:
    /// [`Registry::subscribe`](crate::Registry::subscribe).
    #[must_use]
    pub fn subscribe(&self) -> Transitions {
        Transitions::new(self.application.subscribe())
    }

    /// What happens from now on, to the services and to the application, each event once and in order: moves,
    /// ends of ticks and flushes, failures, and the other [kinds](crate::EventKind). To see the first ones
    /// too, ask [`Registry::handle`](crate::Registry::handle) before the start.
    ///
    /// The last 1024 events are kept for all subscriptions together, so a slow one delays no service and
    /// costs no memory; it [misses](Events::missed) what is older. For a function that gets every one see
    /// [`Registry::on_event`](crate::Registry::on_event).
    ///
    /// ```
    /// # use lifecycle::{EventKind, Idle, State, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let registry = registry! { "store" => Store };
    /// let mut events = registry.handle().events();
    /// let running = registry.start();
    /// let first = events.recv().await.unwrap();
    /// assert_eq!(first.to_string(), "store: new -> waiting");
    /// assert!(matches!(first.kind, EventKind::Moved { to: State::Waiting, .. }));
    /// # running.stop().await.into_result().unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.application.clone(), None)
    }

    /// The events that follow the one with this [number](crate::Event::id), and then those to come: for a
    /// client that comes back and knows what it saw last. Of the past, the last 1024 are there, as long as
    /// somebody had asked for events by then; what is missing counts as [missed](Events::missed). A number
    /// that is not reached yet stands for now.
    ///
    /// ```
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let registry = registry! { "store" => Store };
    /// let handle = registry.handle();
    /// let mut events = handle.events();
    /// let running = registry.start();
    /// let seen = events.recv().await.unwrap().id;
    ///
    /// let mut later = handle.events_after(seen); // as after a broken connection
    /// assert_eq!(later.recv().await.unwrap().id, seen + 1);
    /// # running.stop().await.into_result().unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn events_after(&self, id: u64) -> Events {
        Events::new(self.application.clone(), Some(id))
    }
}

/// Adds what each service depends on, in the order of the states.
fn add_dependencies(application: &Application, all: &mut Vec<Vec<Dependency>>) {
    let shown = |edge: &Edge| Dependency {
        name: application.instance(edge.service as usize).name.clone(),
        kind: match edge.kind {
            engine::DependencyKind::After => DependencyKind::After,
            engine::DependencyKind::Wants => DependencyKind::Wants,
        },
    };
    for (service, instance) in application.all_instances().enumerate() {
        let edges = application.graph.dependencies(service).iter();
        all.push(edges.map(shown).collect());
        if let Some(inner) = instance.inner() {
            add_dependencies(&inner, all);
        }
    }
}

/// The service whose tick or flush is asked for.
struct Target(Found);

impl Target {
    fn instance(&self) -> &Instance {
        self.0.instance()
    }

    /// The error of a trigger before the start.
    fn never_begun(&self) -> TriggerError {
        let instance = self.instance();
        if instance.has_nothing_to_trigger() {
            TriggerError::NotScheduled(instance.name.clone())
        } else if self.0.application.request.reason().is_some() {
            TriggerError::Stopped
        } else {
            TriggerError::NotStarted
        }
    }

    /// If code of a service asks, notes that this service waits for a tick of the other one. An error if
    /// that wait would never end.
    fn wait_for(&self) -> Result<Option<Waits>, TriggerError> {
        let Some(asker) = current::service() else {
            return Ok(None);
        };
        let instance = self.instance();
        let target = ServiceId::new(&self.0.application, self.0.index);
        if instance.has_nothing_to_trigger() {
            return Err(TriggerError::NotScheduled(instance.name.clone()));
        }
        if asker == target {
            return Err(TriggerError::FromWithin(instance.name.clone()));
        }
        if instance.is_coming_up() && self.has_coming_up(asker) {
            return Err(TriggerError::NotRunning(instance.name.clone()));
        }
        waits::begin(asker, target, &instance.name).map(Some)
    }

    /// Whether the service that asks belongs to the same outermost application, and is coming up itself.
    fn has_coming_up(&self, asker: ServiceId) -> bool {
        let own = asker.application == Arc::as_ptr(&self.0.application).addr();
        let asking = if own {
            Some(self.0.application.clone())
        } else {
            let asking = nested::application(asker);
            let outermost = self.0.application.outermost();
            asking.filter(|asking| Arc::ptr_eq(&asking.outermost(), &outermost))
        };
        asking.is_some_and(|asking| asking.instance(asker.index as usize).is_coming_up())
    }

    /// Runs a tick or a flush. Behind a decorator it shows once the service is up which of them, so this waits
    /// for that.
    async fn trigger(&self) -> Result<(), TriggerError> {
        let instance = self.instance();
        let mut moves = None;
        loop {
            if let Some(ticks) = instance.ticks() {
                return ticks.trigger().await;
            }
            if let Some(counts) = instance.queue() {
                return counts.trigger().await;
            }
            if instance.has_nothing_to_trigger() {
                return Err(TriggerError::NotScheduled(instance.name.clone()));
            }
            if instance.state().is_final() {
                return Err(TriggerError::Stopped);
            }
            match &mut moves {
                // Subscribed before the next check, so that no move in between is missed.
                None => moves = Some(self.0.application.subscribe()),
                Some(moves) => {
                    if moves.recv().await.is_none() {
                        return Err(TriggerError::Stopped);
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("healthy", &self.is_healthy())
            .finish_non_exhaustive()
    }
}
