//! The macros as users see them, with their reference. The work is done in `lifecycle-macros`.

/// Gives a struct the shape of a service. You implement the hooks of the shape; the rest is done.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Context, Result, Scheduled, service};
///
/// struct Config { gc: Gc }
/// struct Gc { interval: Duration }
///
/// /// Deletes expired tokens.
/// #[service(scheduled(interval = "cfg.gc.interval"))]
/// struct Tokens { cfg: Config }
///
/// impl Scheduled for Tokens {
///     async fn tick(&self, _: &Context) -> Result { delete_expired().await }
/// }
/// # async fn delete_expired() -> Result { Ok(()) }
/// ```
///
/// # Arguments
///
/// One shape:
///
/// | argument | hooks |
/// |---|---|
/// | `idle` | [`Idle`](crate::Idle) |
/// | `scheduled(interval = ..)`, `scheduled(delay = ..)`, `scheduled(cron = ..)` | [`Scheduled`](crate::Scheduled) |
/// | `queue(size = .., interval = ..)` | [`Queue`](crate::Queue) |
/// | `worker` | [`Worker`](crate::Worker) |
/// | `server` | [`Server`](crate::Server) |
/// | `oneshot`, `oneshot(background)` | [`Oneshot`](crate::Oneshot) |
///
/// and beside it
///
/// | argument | value | default | meaning |
/// |---|---|---|---|
/// | `startup(retry = ..)` | two durations: `"100ms..10s"` | a `startup` that fails is the end | a `startup` that fails is run again, after waits that grow from the first duration to the second, within the start timeout; of a `server` that is `bind`; not for a `oneshot` |
/// | `crate` | the path to this crate, where it has another name: `crate = ::my_framework::lifecycle` | `::lifecycle` | |
///
/// ## A schedule
///
/// | option of `scheduled(..)` | value | default | meaning |
/// |---|---|---|---|
/// | `interval` | a duration | one of these | from the start of one tick to the start of the next, on a fixed grid |
/// | `delay` | a duration | one of these | from the end of one tick to the start of the next |
/// | `cron` | an expression of five or six fields: see below | one of these | at the times that it names, by the wall clock |
/// | `tz` | a time zone: see below | `"UTC"` | whose wall clock; only beside `cron` |
/// | `first` | `immediate` or `after_interval` | `after_interval`; with `jitter`, a random moment within it; with `cron`, the first time that it names | when the first tick is due |
/// | `initial_delay` | a duration | none | the first tick is due this long after the service is running; not beside `first` |
/// | `jitter` | a duration, at most the interval or the delay | none | a random time up to this, by which each tick comes earlier, and a first one that does not wait for an interval later. With `cron`, later, and of any length |
/// | `missed` | `coalesce`, `skip`, `burst` or `delay` | `coalesce` | what becomes of the points that a tick has overrun: one late tick at once; none before the next point; each of them at once, one after another; a whole interval from then on. Not with `delay = ..`, which misses nothing; `cron` has no interval for the last of them |
/// | `catch_up` | a duration | none | points that pass while the process is down are made up for, if they are not older than this: see [the guide](mod@crate::guide::catch_up). The registry needs a `memory`. An interval then counts from the last point that was run, by whatever process, and a delay too; `jitter` makes each tick later. Not beside `first` and `initial_delay`; `missed` is `coalesce` or `burst`, of at most 100 |
/// | `tick_timeout` | a duration | none | a tick that takes longer is dropped, and has failed |
/// | `on_error` | `continue` or `fail` | `continue` | a tick that fails is logged and counted, or is the failure of the service |
/// | `on_panic` | `fail` or `continue` | `fail` | a tick that panics is the failure of the service, or is logged and counted as one that fails; `continue` is not beside `on_error = fail` |
/// | `max_failures` | an integer literal above zero | none | so many ticks that fail in a row are the failure of the service; not with `on_error = fail` |
///
/// ```
/// # use std::time::Duration;
/// # use lifecycle::{Context, Result, Scheduled, service};
/// /// Asks a partner for updates, whose server is often down.
/// #[service(
///     scheduled(delay = "cfg.pause", first = immediate, tick_timeout = "5s", max_failures = 10),
///     startup(retry = "100ms..10s")
/// )]
/// struct Poller { cfg: Config }
/// # struct Config { pause: Duration }
/// # impl Scheduled for Poller {
/// #     async fn tick(&self, _: &Context) -> Result { Ok(()) }
/// # }
/// ```
///
/// ## Times of the wall clock
///
/// ```
/// # use lifecycle::{Context, Result, Scheduled, service};
/// /// Writes the report of the day.
/// # #[cfg(feature = "cron")]
/// #[service(scheduled(cron = "0 3 * * MON-FRI", tz = "Europe/Berlin"))]
/// struct Report;
/// # #[cfg(feature = "cron")]
/// # impl Scheduled for Report {
/// #     async fn tick(&self, _: &Context) -> Result { Ok(()) }
/// # }
/// ```
///
/// Behind the feature `cron`. A `cron` is minute, hour, day, month and weekday, or these with the
/// second before them. It is one of
///
/// - an expression in quotes, which has spaces in it: `cron = "*/5 9-17 * * MON-FRI"`; checked when
///   it is compiled;
/// - a field path from `self`, in quotes, which has none: `cron = "cfg.report.cron"`;
/// - any expression that gives text (`&str`, `String`, ..), without quotes: `cron = self.0`.
///
/// and a `tz` is one of
///
/// - the name of a zone in quotes, which begins with a capital letter: `tz = "Europe/Berlin"`; an offset
///   from UTC: `tz = "+02:00"`; or `tz = "local"`, the zone of the machine; checked when it is compiled;
/// - any other word or path in quotes, which is a field path from `self`: `tz = "cfg.tz"`;
/// - any expression that gives text, without quotes.
///
/// What comes from the service is checked before it is started, and read again once a minute. What an
/// expression can say, and what happens when clocks are changed or a machine has slept: see the
/// page `_cron` of this documentation.
///
/// ## A queue
///
/// | option of `queue(..)` | value | default | meaning |
/// |---|---|---|---|
/// | `size` | a number of items | required | a batch of so many is flushed at once |
/// | `interval` | a duration | required | a batch that does not fill up is flushed this long after its first item |
/// | `retry` | two durations: `"100ms..10s"` | `"100ms..10s"` | the waits between the attempts to flush a batch, growing from the first to the second |
/// | `attempts` | an integer literal above zero | 5 | how often a batch is tried, with `retry` in between |
/// | `attempts_used_up` | `fail` or `drop` | `fail` | what becomes of a batch whose attempts have all failed. `fail`: the service fails; in a drain attempts end nothing, but for one without a deadline. `drop`: the batch is dropped, counted as lost and logged, and the service goes on; so it does in a drain, which counts on from the attempts before |
/// | `overflow` | `wait` or `drop_oldest` | `wait` | what a full intake does: its senders wait for room; or none ever waits, and the oldest item that waits for a batch is dropped and counted |
/// | `flush_timeout` | a duration | none | a flush that takes longer is dropped, and is a failed attempt; in a drain too. A stop whose time is over first drops it sooner |
///
/// ```
/// # use lifecycle::{Context, Intake, Queue, Result, service};
/// # struct Sample;
/// /// Samples are worth less than the requests that they come from: none waits for the collector.
/// #[service(queue(
///     size = 500, interval = "1s", overflow = drop_oldest,
///     flush_timeout = "5s", attempts = 3, attempts_used_up = drop,
/// ))]
/// struct Metrics { samples: Intake<Sample> }
/// # impl Queue for Metrics {
/// #     type Item = Sample;
/// #     fn intake(&self) -> &Intake<Sample> { &self.samples }
/// #     async fn flush(&self, _: &[Sample], _: &Context) -> Result { Ok(()) }
/// # }
/// ```
///
/// ## Durations and sizes
///
/// A duration is one of
///
/// - a field path from `self`, in quotes: `interval = "cfg.gc.interval"`;
/// - a literal, in quotes, recognised by its first character, a digit: `interval = "30s"`,
///   `interval = "1h 30m"`;
/// - any expression of type `Duration` with `self` in scope, without quotes: `interval = self.0`,
///   `interval = self.cfg.load().interval`.
///
/// The `size` of a queue is a field path in quotes, an integer literal without them, or any
/// expression of type `usize`. All are read anew whenever they are needed.
///
/// A zero literal is a compile error, and so is a literal `jitter` that is longer than the literal it
/// is taken from; such values at run time fail the service's start with an error that names them.
/// An endless interval (`Duration::MAX`) never ticks.
///
/// What is generated, and what each error means: see the [guide](mod@crate::guide).
///
/// # The struct
///
/// Any struct will do: unit, tuple, named, generic, with lifetimes and where clauses. It is not
/// changed, so literals, derives and tests go on as before. It must be `Send + Sync`, and `'static`
/// to be registered; a generic one is a service for those types with which it is `Send + Sync` and
/// has its hooks.
pub use lifecycle_macros::service;

/// Assembles named services into a [`Registry`](crate::Registry) and checks them at compile time.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[service(idle)] struct Log;
/// # impl Idle for Log {}
/// # #[service(idle)] struct Cache;
/// # impl Idle for Cache {}
/// # #[service(idle)] struct Api(Arc<Store>);
/// # impl Idle for Api {}
/// # let patience = Duration::from_secs(20);
/// let store = Arc::new(Store);
/// let registry = registry! {
///     deadline = "25s",
///     shutdown_delay = "5s",
///
///     "log" => Log, before = all,
///     "store" => store.clone(),
///     "cache" => Cache, after = ["store"], on_failure = ignore,
///     #[cfg(unix)]
///     "api" => Api(store), after = ["store"], wants = ["cache"], start_timeout = patience, stop_timeout = "10s",
/// };
/// ```
///
/// Each entry is `"name" => expression`: any expression that is a [`Service`](crate::Service). It is
/// evaluated in place, in order, so `?`, `.await` and `return` work in it. An `Option` is a service that may
/// be left out: see [optional services](mod@crate::guide::optional). A name is a lower case
/// letter and up to 30 more letters, digits, `_` or `-`. `#[cfg(..)]` on an entry works; an entry
/// that it removes does not count.
///
/// # Settings
///
/// | setting of an entry | value | default |
/// |---|---|---|
/// | `after` | the names of the services it depends on: it starts when all of them are running, fails where one of them fails to start, and stops before them; a registry that would start it without one, as that is disabled, is refused | none |
/// | `wants` | the names of the services it would rather start after, but can do without: it starts when each of them is running, has failed or is disabled, and stops before them | none |
/// | `before` | `all`: a base service, such as logging or metrics; it starts before and stops after every entry that does not say so. Order only, as with `wants`: an entry that can't do without it names it in its `after` too | |
/// | `start_timeout` | how long its `startup` may take, or the `run` of a oneshot | 90 s; none for a oneshot |
/// | `stop_timeout` | how long it may take to stop, within [its share of the deadline](crate::Registry::deadline); a quarter is kept for `drain` | 10 s |
/// | `on_failure` | `shutdown`, `ignore`, `restart` or `restart(..)`: see [`OnFailure`](crate::OnFailure) | `shutdown` |
/// | `on_late` | `fail` or `ignore`: what it means that it did not stop in its time and was dropped; see [`OnLate`](crate::OnLate) | `fail` |
/// | `replicas` | `one`: of all replicas of the application one runs it, each other one waits on standby; needs `leases` (see [the guide](mod@crate::guide::one_replica)) | each replica runs it |
/// | `restart_with` | names from its `after`: where one of these is restarted, it is stopped before that and started after, at no cost to its own restarts | none; it goes on |
///
/// | option of `restart(..)` | value | default |
/// |---|---|---|
/// | `backoff` | two durations: the wait before the first restart, and the longest one; it doubles in between, up to half less at random | `"100ms..30s"` |
/// | `max` | an integer literal above zero, or `forever`: so many restarts in a row, and the next failure is final | 10 |
/// | `reset` | a duration: a run that was up for so long forgets the restarts before it | 1 minute |
/// | `then` | `shutdown` or `ignore`: what a final failure means | `shutdown` |
///
/// ```
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[service(idle)] struct Feed;
/// # impl Idle for Feed {}
/// # #[service(idle)] struct Index;
/// # impl Idle for Index {}
/// let registry = registry! {
///     "store" => Store, on_failure = restart,
///     "feed" => Feed, after = ["store"], on_failure = restart(backoff = "1s..1m", max = forever),
///     "index" => Index,
///         after = ["store"],
///         on_failure = restart(max = 3, then = ignore),
///         restart_with = ["store"],
/// };
/// ```
///
/// | setting of the registry, before the entries | | default |
/// |---|---|---|
/// | `deadline` | see [`Registry::deadline`](crate::Registry::deadline) | 25 s |
/// | `shutdown_delay` | see [`Registry::shutdown_delay`](crate::Registry::shutdown_delay) | none |
/// | `leases` | the store of the leases, which all replicas share: anything that implements [`Leases`](crate::Leases) | none |
/// | `lease_term` | see [`RegistryBuilder::lease_term`](crate::RegistryBuilder::lease_term) | 30 s |
/// | `memory` | where the points of schedules with `catch_up` are remembered; see [`Registry::memory`](crate::Registry::memory) | that of the registry around it |
/// | `on_hangup` | what a SIGHUP does: `reload`, `stop` or `ignore`; see [`Registry::on_hangup`](crate::Registry::on_hangup) | what the system does |
///
/// A duration is a literal in quotes (`"10s"`, `"1m 30s"`) or any expression of type `Duration`.
///
/// # Compile errors
///
/// No entry at all, a duplicate or malformed name, a dependency (of either kind) that is unknown, on
/// itself, repeated or part of a cycle (also one by `before = all`), an unknown or repeated setting, a zero or malformed duration, a
/// policy that restarts nothing or whose waits are in the wrong order, a name in `restart_with` that is not in `after`, `replicas = one`
/// without `leases`, a shutdown delay that leaves nothing of the deadline (25 s unless set). All are reported at once, each on
/// the token to change.
#[macro_export]
macro_rules! registry {
    ($($tokens:tt)*) => { $crate::__private::registry! { [$crate] $($tokens)* } };
}
