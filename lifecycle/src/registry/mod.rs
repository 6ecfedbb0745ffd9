//! The services of an application, by name, with their dependencies and settings: declared here, run by
//! the floor below.

mod assembly;
mod builder;
mod entries;
mod group;
mod nested;
mod preview;
mod reusable;
mod target;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::assembly::{Assembly, AssemblyEntry, assembly};
pub use self::builder::RegistryBuilder;
pub use self::group::{Entry as GroupEntry, Group};
use self::nested::SharedStopOn;
use self::preview::Preview;
use crate::engine::settings::RegistrySettings;
use crate::report::event::Event;
use crate::report::name::Name;
use crate::report::outcome::Outcome;
use crate::report::reason::OnHangup;
use crate::run::plan::{Launch, ServiceSet, Stores};
use crate::run::running::Running;
use crate::run::runtime_end;
use crate::run::watchdog::Watchdog;
use crate::shared::handle::Handle;
use crate::shared::subscriptions::Transitions;
use crate::store::Memory;
#[cfg(all(feature = "cron", feature = "test-util"))]
use crate::time::WallClock;

/// The services of an application, ready to be started.
///
/// [`registry!`](crate::registry!) makes one where the names are known to the program text, and
/// finds every mistake at compile time; [`Registry::builder`] where they are known only at run
/// time.
///
/// ```no_run
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[service(idle)] struct Api;
/// # impl Idle for Api {}
/// # #[tokio::main]
/// # async fn main() -> lifecycle::Outcome {
/// registry! {
///     "store" => Store,
///     "api" => Api, after = ["store"],
/// }
/// .run()
/// .await
/// # }
/// ```
///
/// # As a service
///
/// A registry is a [`Service`](crate::Service) itself: name it in another one, and its services start,
/// run and stop with that, as `parent/child`. See [the guide](crate::guide::nesting).
#[must_use = "a registry does nothing until it is started or run"]
pub struct Registry {
    preview: Preview,
    /// The names given to [`only`](Self::only).
    only: Option<Vec<Name>>,
    settings: RegistrySettings,
    signals: bool,
    stop_on: SharedStopOn,
    stores: Stores,
    #[cfg(all(feature = "cron", feature = "test-util"))]
    wall_clock: Option<WallClock>,
}

impl Registry {
    /// Assembles a registry from names that are known only at run time. See [`RegistryBuilder`].
    ///
    /// ```
    /// # use lifecycle::{Idle, Registry, service};
    /// # #[service(idle)] struct Shard;
    /// # impl Idle for Shard {}
    /// # fn shards(count: usize) -> Result<Registry, lifecycle::RegistryError> {
    /// let mut registry = Registry::builder();
    /// for shard in 0..count {
    ///     registry = registry.service(format!("shard-{shard}"), Shard);
    /// }
    /// registry.build()
    /// # }
    /// # assert!(shards(2).is_ok() && shards(0).is_err());
    /// ```
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    pub(crate) fn new(plan: ServiceSet, settings: RegistrySettings, stores: Stores) -> Self {
        Self {
            preview: Preview::new(plan.services, plan.graph),
            only: None,
            settings,
            signals: cfg!(feature = "signal"),
            stop_on: SharedStopOn::default(),
            stores,
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: None,
        }
    }

    /// How long the whole stop may take, from the first request; includes the [shutdown
    /// delay](Self::shutdown_delay). What is left of the services then is dropped. Default: 25 s,
    /// which fits the 30 s that Kubernetes gives a pod. Of a registry that is a service it can only shorten
    /// the time that the outer one leaves it, and the default does not.
    ///
    /// # What a service is guaranteed
    ///
    /// A service with others below it, which it depends on and which are still to be stopped, may use
    /// at most three quarters of what is left when its turn comes, and never more than its
    /// `stop_timeout`. So those at the bottom are flushed though everything above them hangs: with
    /// `n` services above it on the longest path, a service has at least
    ///
    /// ```text
    /// (deadline - shutdown_delay) / 4^n                        at the bottom
    /// (deadline - shutdown_delay) / 4^n * 3/4                  with others below it
    /// ```
    ///
    /// or its `stop_timeout`, if that is shorter; and more where the `stop_timeout`s above it are
    /// short: what is left to it is never less than `deadline - shutdown_delay` without the sum of
    /// those on its path. Its `drain` may use all of that when `run` (a tick, the tasks) returns at
    /// once, and a quarter of it when that hangs. With the defaults a store below three services
    /// that hang has 1.25 s.
    ///
    /// Code that blocks its thread can't be dropped: those below go on without it after another 200 ms,
    /// or a quarter of what is left to them, if that is less (but not less than 20 ms).
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.set_deadline(limit);
        self
    }

    /// How long the services run on after the request to stop, with readiness already false, so
    /// that a load balancer takes the process out before it closes its sockets. Skipped on SIGINT
    /// and after a failure. Default: none. Left out, with a warning, where the registry is a service: the
    /// outer one waits.
    ///
    /// It must be shorter than the [deadline](Self::deadline), which includes it (25 s unless set):
    /// `registry!` refuses literals that are not, [`RegistryBuilder::build`] values; what is set here is
    /// checked at the start, which is refused then ([`Reason::NotStarted`](crate::Reason::NotStarted)).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Api;
    /// # impl Idle for Api {}
    /// # let drain_for = Duration::from_secs(5);
    /// // Five seconds of the thirty for what is still sent, the rest for the stop itself.
    /// let registry = registry! { "api" => Api }
    ///     .deadline(Duration::from_secs(30))
    ///     .shutdown_delay(drain_for);
    /// ```
    pub fn shutdown_delay(mut self, delay: Duration) -> Self {
        self.settings.shutdown_delay = delay;
        self
    }

    /// Whether SIGINT and SIGTERM stop the application; on Windows Ctrl-C and Ctrl-Break (told as
    /// SIGINT), and the end of the console, the session or the system (told as SIGTERM). Default: yes,
    /// where the feature `signal` is on. When this is `false` none is listened to.
    ///
    /// A registry that is a service listens to none: the outermost one does.
    ///
    /// The handlers are installed before the first service starts, all or none. A signal that was
    /// ignored when the program was started, as SIGINT is by a shell's `&`, stays ignored (on Linux;
    /// other systems don't tell).
    ///
    /// # A second signal
    ///
    /// Each run hears every signal that comes while it is up, and stops on its first one. Once every
    /// run of the process has had its first, the next one of either kind ends the process at once,
    /// with exit code 128 plus its number, even when every thread is blocked. A further signal within
    /// 150 ms of the first changes nothing: it is one request delivered twice, by a terminal and by a
    /// wrapper.
    ///
    /// A signal that comes while a run stops for another reason does not change that reason; the
    /// outcome shows it as [`signal`](Outcome::signal), and it stops the next run of the process as
    /// soon as that is started. So a loop that runs a new registry after each reload ends by itself.
    ///
    /// # After the stop
    ///
    /// The handlers do nothing any more: the program's own, through tokio or signal-hook, get the
    /// signal. Where nothing else listens it stops the next run, if one starts within 100 ms, as in a
    /// loop that reloads; otherwise its default action ends the process. Process 1 of a container has
    /// no default action: there the next run is stopped by it, whenever it starts.
    ///
    /// Nothing tells for certain whether other code listens. What had a handler before the first run
    /// (on Linux) and what listens through tokio is known for each signal. Of signal-hook only the
    /// number of registrations since is known, not their signals: where one is left that can't be
    /// explained, the process lives on, and the next run is stopped. A listener that was dropped
    /// counts as one.
    pub fn signals(mut self, on: bool) -> Self {
        self.signals = on && cfg!(feature = "signal");
        self
    }

    /// What a SIGHUP does: [`Reload`](OnHangup::Reload), [`Stop`](OnHangup::Stop) or
    /// [`Ignore`](OnHangup::Ignore). Default: what the system does, which ends the process at once, or what another
    /// handler of the program does. In [`registry!`](crate::registry!): `on_hangup = reload`.
    ///
    /// The handler is installed before the first service starts, whatever [`signals`](Self::signals) says; where
    /// the feature `signal` is off, and on Windows, there is none. After the stop it does nothing any more: unless
    /// another handler of the program or another run of it listens, a SIGHUP has its default action again, but for
    /// process 1 of a container. Under [`Stop`](OnHangup::Stop) a SIGHUP that was ignored when the program was
    /// started, as by `nohup`, stays ignored. Of a registry that is a service this has no meaning: the outer one
    /// reloads it.
    ///
    /// ```
    /// # use lifecycle::{Idle, OnHangup, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// let registry = registry! { "store" => Store }.on_hangup(OnHangup::Reload);
    /// ```
    pub fn on_hangup(mut self, what: OnHangup) -> Self {
        self.settings.on_hangup = Some(what);
        self
    }

    /// Stops the application when `future` resolves: a cancellation token of another library, a
    /// parent's stop channel. A later call replaces the future. One that panics is a failure: the
    /// application stops for it, as [`Reason::ExternalPanicked`](crate::Reason), with exit code 1.
    ///
    /// Where the registry is a service, that service alone ends, which is a failure of it ("exited
    /// early"); a further run has the same future.
    ///
    /// ```
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let registry = registry! { "store" => Store }.stop_on(stopped);
    /// ```
    pub fn stop_on<F: Future + Send + 'static>(mut self, future: F) -> Self {
        self.stop_on = SharedStopOn::new(Box::pin(async move {
            future.await;
        }));
        self
    }

    /// Hands each event of the application to `observer`: every move of a service, the end of a tick or a
    /// flush, a failure, and the other [kinds](crate::EventKind). Each once and in order, from the first on.
    /// May be called several times; each observer gets every event.
    ///
    /// It runs on a thread of its own, beside everything else: one that blocks or is slow delays no service
    /// and no other observer, and what happens meanwhile waits for it. (65 536 events at most: what an observer
    /// that hangs leaves waiting beyond that is left out, which is logged, and shows as a gap in their
    /// [numbers](crate::Event::id).) A panic is caught and logged the first time, and the next event comes all
    /// the same. The stop waits up to a second for observers that are behind; they get the rest in the
    /// background. The observer is dropped after the last event.
    ///
    /// To wait for events in a task use [`Handle::events`].
    ///
    /// ```
    /// # use lifecycle::{EventKind, Idle, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// let registry = registry! { "store" => Store }.on_event(|event| {
    ///     if let EventKind::Failed(error) = &event.kind {
    ///         page_somebody(&error.to_string());
    ///     }
    /// });
    /// # fn page_somebody(_: &str) {}
    /// ```
    pub fn on_event(self, observer: impl FnMut(&Event) + Send + 'static) -> Self {
        let events = &self.preview.application().events;
        events.observe(Box::new(observer));
        self
    }

    /// Starts only these services and all they need: what they name in `after`, directly or through
    /// others, and the base services (`before = all`). The rest is [`Disabled`](crate::State::Disabled), also
    /// what they name in `wants` alone. A later call replaces the names.
    ///
    /// For a program that is several: an API in one process and the jobs in another, or one service on a
    /// developer's machine.
    ///
    /// ```
    /// # use lifecycle::{Idle, State, registry, service};
    /// # #[service(idle)] struct Part;
    /// # impl Idle for Part {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let running = registry! {
    ///     "store" => Part,
    ///     "cache" => Part,
    ///     "api" => Part, after = ["store"], wants = ["cache"],
    ///     "jobs" => Part, after = ["store"],
    /// }
    /// .only(["api"])
    /// .start();
    /// running.await_healthy().await?;
    /// let states = running.handle().states();
    /// let running: Vec<_> = states.iter().filter(|service| service.state == State::Running).collect();
    /// assert_eq!(running.len(), 2); // `store` and `api`
    /// # Ok(()) }
    /// ```
    ///
    /// The start is refused ([`Reason::NotStarted`](crate::Reason::NotStarted)) if a name is not in the
    /// registry, if its service is disabled, as its value is `None`, or if there is no name at all.
    pub fn only<N: Into<Name>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Where the points of schedules with `catch_up` are remembered: a [`FileMemory`](crate::FileMemory), a database, or
    /// your own. Default: the memory that comes with the store of the leases, or else that of the registry that this one is a service of; without any, a schedule with
    /// `catch_up` fails its start. In `registry!` it is `memory = ..`.
    ///
    /// See [the guide](crate::guide::catch_up).
    ///
    /// ```
    /// # use lifecycle::{Context, FileMemory, Result, Scheduled, registry, service};
    /// #[service(scheduled(interval = "1h", catch_up = "12h"))]
    /// struct Report;
    /// # impl Scheduled for Report { async fn tick(&self, _: &Context) -> Result { Ok(()) } }
    ///
    /// let registry = registry! { "report" => Report }.memory(FileMemory::new("state/schedules"));
    /// ```
    pub fn memory(mut self, memory: impl Memory) -> Self {
        self.stores.memory = Some(Arc::new(memory));
        self
    }

    /// The wall clock that schedules by cron expression go by, instead of the system's: for a test on
    /// tokio's paused clock. Behind the features `cron` and `test-util`.
    #[cfg(all(feature = "cron", feature = "test-util"))]
    pub fn wall_clock(mut self, clock: WallClock) -> Self {
        self.wall_clock = Some(clock);
        self
    }

    /// A view of the application before it is started, and of the run that it then becomes: for what is
    /// assembled first, such as a probe endpoint that answers "not ready" meanwhile.
    ///
    /// Until the start every service is `New` and nothing is healthy; `wait` and `await_healthy` wait;
    /// `trigger` is an error. After `shutdown` the start starts nothing. When the registry is dropped, or
    /// can't be started, `wait` and `await_healthy` return.
    ///
    /// If the registry becomes a service of another one, the view is of that service, over all of its runs: see
    /// [the guide](crate::guide::nesting).
    ///
    /// ```
    /// # use lifecycle::{Idle, State, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lifecycle::Outcome {
    /// let registry = registry! { "store" => Store };
    /// let handle = registry.handle();
    /// assert_eq!(handle.states()[0].state, State::New);
    ///
    /// tokio::spawn(async move {
    ///     if handle.await_healthy().await.is_ok() {
    ///         handle.shutdown();
    ///     }
    /// });
    /// registry.run().await
    /// # }
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.preview.application().clone())
    }

    /// Every move of every service, from the first on, each once and in order.
    ///
    /// ```
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Store;
    /// # impl Idle for Store {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let registry = registry! { "store" => Store };
    /// let mut moves = registry.subscribe();
    /// let running = registry.start();
    /// let first = moves.recv().await.map(|first| first.to_string());
    /// assert_eq!(first.as_deref(), Some("store: new -> waiting"));
    /// # running.stop().await.into_result().unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Transitions {
        self.handle().subscribe()
    }

    /// Starts the services in the background and returns at once. Dependents wait for their
    /// dependencies, everything else starts together.
    ///
    /// Call it inside a tokio runtime with time enabled; any flavour will do. Outside one nothing
    /// is started, and [`Running::wait`] tells so.
    ///
    /// A registry that code of a service starts, in a hook or in a task of
    /// [`Context::spawn`](crate::Context::spawn), is part of that service. The service stops it when it
    /// likes. What is left when the service is over is stopped then, within what is left of the
    /// service's time to stop, and dropped when that is over: the outer stop leaves nothing of it
    /// behind. From the moment at which late code of the service is dropped nothing is started any more.
    pub fn start(self) -> Running {
        let Self {
            preview,
            only,
            settings,
            signals,
            stop_on,
            stores,
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock,
        } = self;
        let names = preview.names();
        let (mut services, application) = preview.take();
        let graph = &application.graph;
        let problems = target::narrow(&mut services, &names, graph, only.as_deref());
        Running::start(Launch {
            services,
            application,
            problems,
            settings,
            signals,
            stop_on: stop_on.into_future(),
            stores,
            members: None,
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock,
        })
    }

    /// Starts the services, waits for a reason to stop, stops them, and says how it went: all of
    /// `main`.
    ///
    /// Unlike [`start`](Self::start) it also guarantees the [deadline](Self::deadline) against code
    /// that blocks a thread: a watchdog thread then prints the report and ends the process with exit
    /// code 1.
    ///
    /// After that, the end of the runtime waits for threads that are left blocked, as by a read of
    /// standard input. When it is held up for more than a second, the process ends with the outcome's
    /// own [exit code](Outcome::exit_code): 0 after a clean stop. A program that goes on after the
    /// run, or after its runtime has ended, is left alone, whatever it does with the outcome. This
    /// needs what Linux tells of threads (on x86-64, ARM64, RISC-V and `LoongArch`); the process is
    /// also left alone where that leaves a doubt: while another run is up, beside another
    /// multi-threaded runtime whose threads have the same name, for a run that was spawned when it
    /// is not `main` that waits, and for a single-threaded runtime with a thread name of its own. The
    /// one program that could be taken for a runtime that does not end has let go of it by
    /// `shutdown_background` with a thread left blocked, and then waits for a lock for more than a
    /// second.
    ///
    /// Dropping the future stops the services in the background; not cancel-safe in so far as the outcome is lost.
    ///
    /// ```no_run
    /// # use lifecycle::{Idle, registry, service};
    /// # #[service(idle)] struct Api;
    /// # impl Idle for Api {}
    /// #[tokio::main]
    /// async fn main() -> lifecycle::Outcome {
    ///     registry! { "api" => Api }.run().await
    /// }
    /// ```
    pub async fn run(self) -> Outcome {
        let limit = self.settings.deadline;
        let running = self.start();
        let watchdog = Watchdog::watch(running.application(), limit);
        running.wait().await;
        let outcome = running.stop().await;
        drop(watchdog);
        runtime_end::bound(&outcome);
        outcome
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("services", &self.preview.names())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
