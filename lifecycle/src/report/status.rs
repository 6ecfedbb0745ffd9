//! What can be seen of a service from outside: its shape, state, phase, and each move between
//! states.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::report::error::ServiceError;
use crate::report::name::Name;
use crate::report::restart::Restart;

/// Writes an enum that is stored in an atomic byte and shown by a word.
macro_rules! worded {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// The word it is shown by.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use worded;

worded! {
    /// What a service does while it runs.
    Shape {
        /// Nothing: it is there to be called.
        Idle = "idle",
        /// A tick on a schedule.
        Scheduled = "scheduled",
        /// Gathers items, flushes them in batches.
        Queue = "queue",
        /// One long `run`.
        Worker = "worker",
        /// One long `serve`, with what its `bind` has bound.
        Server = "server",
        /// One `run` that is expected to finish, before its dependents start.
        Oneshot = "oneshot",
        /// Whatever its hand-written [`Service`](crate::Service) implementation does.
        Custom = "custom",
        /// Services of its own: it is a [`Registry`](crate::Registry).
        Registry = "registry",
        /// Services that come and go: it is a [`Group`](crate::Group).
        Group = "group",
    }
}

worded! {
    /// Where a service is in its life.
    ///
    /// The legal moves, each seen once and in order by [subscribers](crate::Handle::subscribe):
    ///
    /// | from | to |
    /// |---|---|
    /// | `New` | `Waiting`; `Disabled` |
    /// | `Waiting` | `Starting`; `Standby` when another replica runs it; `Failed` when a dependency failed; `Stopped` when the application stops first |
    /// | `Starting` | `Running`; `Stopping`; `Failed`; `Stopped` for a oneshot that succeeded |
    /// | `Running` | `Stopping`; `Failed`; `Stopped` for a oneshot in the background that succeeded |
    /// | `Stopping` | `Stopped`; `Failed`; `Backoff` when it is restarted; `Standby` when its lease is lost |
    /// | `Standby` | `Starting` once this replica has the lease; `Waiting` when something it needs is down by then; `Failed`; `Stopped` when the application stops |
    /// | `Backoff` | `Starting`; `Standby` when its lease is lost meanwhile; `Waiting` when something it needs is down; `Failed` when that has failed for good; `Stopped` when the application stops |
    ///
    /// `Stopped`, `Failed` and `Disabled` are final.
    State {
        /// Registered; the registry was not started yet.
        New = "new",
        /// Waits for its dependencies, and for what it wants.
        Waiting = "waiting",
        /// `startup` is under way, or a oneshot's `run`.
        Starting = "starting",
        /// Started, and nothing has gone wrong.
        Running = "running",
        /// Asked to stop: its loop ends and it drains.
        Stopping = "stopping",
        /// Ended as it should. A oneshot that succeeded is `Stopped` and counts as healthy.
        Stopped = "stopped",
        /// Ended by an error, a panic, a timeout, or a failed dependency. Keeps the first cause.
        Failed = "failed",
        /// Down for a [restart](OnFailure::Restart): waits to be started again.
        Backoff = "backoff",
        /// Not to be started: its value is `None`, or the start was limited to
        /// [others](crate::Registry::only). Counts as healthy.
        Disabled = "disabled",
        /// Another replica runs it: it waits for its lease, and is started then. Counts as healthy.
        Standby = "standby",
    }
}

worded! {
    /// Which part of a service's code is meant, in errors and reports.
    Phase {
        /// The `startup` hook, the `bind` of a server, or a hand-written `start` before it called `cx.ready()`.
        Startup = "startup",
        /// Between hooks: an idle service, or a scheduled one that waits for its next tick.
        Idle = "idle",
        /// The `tick` hook.
        Tick = "tick",
        /// The `run` hook, the `serve` of a server, or a hand-written `start` after it called `cx.ready()`.
        Run = "run",
        /// The `flush` hook.
        Flush = "flush",
        /// A task started with `cx.spawn(..)`.
        Task = "task",
        /// The `drain` hook, or a hand-written `stop` after `start` has returned.
        Drain = "drain",
        /// The `reload` hook.
        Reload = "reload",
    }
}

impl State {
    /// Whether no further move can follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed | Self::Disabled)
    }

    /// The state whose `as u8` this is.
    pub(crate) fn from_byte(byte: u8) -> Self {
        const ALL: [State; 10] = [
            State::New,
            State::Waiting,
            State::Starting,
            State::Running,
            State::Stopping,
            State::Stopped,
            State::Failed,
            State::Backoff,
            State::Disabled,
            State::Standby,
        ];
        ALL[usize::from(byte)]
    }
}

impl Shape {
    /// The hook that runs before the service counts as running.
    pub(crate) const fn startup_hook(self) -> &'static str {
        match self {
            Self::Server => "bind",
            _ => "startup",
        }
    }

    /// Whether its `start` and `stop` say themselves in which phase it is, by what they call.
    pub(crate) const fn is_by_hand(self) -> bool {
        matches!(self, Self::Custom | Self::Registry | Self::Group)
    }

    /// The shape whose `as u8` this is.
    pub(crate) fn from_byte(byte: u8) -> Self {
        const ALL: [Shape; 9] = [
            Shape::Idle,
            Shape::Scheduled,
            Shape::Queue,
            Shape::Worker,
            Shape::Server,
            Shape::Oneshot,
            Shape::Custom,
            Shape::Registry,
            Shape::Group,
        ];
        ALL[usize::from(byte)]
    }
}

impl Phase {
    /// The phase whose `as u8` this is.
    pub(crate) fn from_byte(byte: u8) -> Self {
        const ALL: [Phase; 8] = [
            Phase::Startup,
            Phase::Idle,
            Phase::Tick,
            Phase::Run,
            Phase::Flush,
            Phase::Task,
            Phase::Drain,
            Phase::Reload,
        ];
        ALL[usize::from(byte)]
    }
}

/// What a service's failure means to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// The application stops, and exits with 1.
    #[default]
    Shutdown,
    /// The application goes on without the service, which drains at once. The service does not count
    /// for [readiness](crate::Handle::is_healthy), whatever its state; its failure is logged and
    /// listed in the [outcome](crate::Outcome::failures), and the exit code stays 0.
    ///
    /// What names it in `after` needs it, and fails with it if it fails to start; what can do without
    /// it names it in `wants`.
    Ignore,
    /// The service is stopped, drained and started again, as this says; the others go on. Restarted is what fails
    /// after it was up:
    ///
    /// - its `run`, `serve` or hand-written `start` returns, with an error or too early;
    /// - a tick fails under `on_error = fail` or `max_failures`;
    /// - the attempts to flush a batch are used up;
    /// - a task of its own fails;
    /// - one of these panics;
    /// - its start fails, but for the very first one (for that there is `startup(retry = ..)`).
    ///
    /// A failure is final at once where no restart can mend it: the first start, a failed `drain`, what did
    /// not stop in time, an error that is [`permanent`](crate::permanent). What happens then is up to
    /// [`Restart::then`].
    Restart(Restart),
}

impl OnFailure {
    /// Whether the application goes on without the service once its failure is final.
    pub(crate) const fn ends_ignored(&self) -> bool {
        match self {
            Self::Shutdown => false,
            Self::Ignore => true,
            Self::Restart(restart) => restart.ends_ignored(),
        }
    }
}

/// What it means to the application that code of a service did not end in its time at the stop, and was
/// dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnLate {
    /// The service has failed: it is `Failed`, and the application exits with 1.
    #[default]
    Fail,
    /// It is an end like any other, for work that may be cut off: it is logged and listed among the
    /// [laggards](crate::Outcome::laggards), the service is `Stopped`, and the exit code stays 0.
    ///
    /// Of the services of a registry that is a service itself, each has this setting for itself.
    Ignore,
}

impl From<Restart> for OnFailure {
    fn from(restart: Restart) -> Self {
        Self::Restart(restart)
    }
}

/// One service as seen by [`Handle::states`](crate::Handle::states) and
/// [`Outcome::services`](crate::Outcome::services).
///
/// ```
/// # use lifecycle::{Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lifecycle::Result {
/// let running = registry! { "store" => Store }.start();
/// running.await_healthy().await?;
/// for service in running.handle().states() {
///     println!("{} is {}", service.name, service.state); // store is running
///     if let Some(why) = &service.degraded {
///         println!("  {why}");
///     }
/// }
/// # running.stop().await.into_result()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// Its name in the registry.
    pub name: Name,
    /// What it does while it runs.
    pub shape: Shape,
    /// Where it is in its life.
    pub state: State,
    /// Whether it is a oneshot that has done what it had to do.
    pub succeeded: bool,
    /// What its failure means to the application.
    pub on_failure: OnFailure,
    /// Why it works less well than it should: the sentence that it passed to `cx.degraded(..)`, or else
    /// what the library sees: a `startup` that fails and is tried again, a schedule or a queue whose
    /// values can't be followed, a last tick that has failed. On standby: that the store of the leases does not answer.
    pub degraded: Option<Arc<str>>,
    /// Why it failed: the first cause.
    pub error: Option<ServiceError>,
    /// Whether its schedule is [paused](crate::Handle::pause): no tick begins by itself.
    pub paused: bool,
    /// How many restarts there were, the one under way included: those of its
    /// [policy](OnFailure::Restart), those [by hand](crate::Handle::restart) and those with a dependency.
    pub restarts: u64,
    /// How many restarts in a row count for its policy. Zero again once a run was up for
    /// [`reset`](Restart::reset).
    pub restarts_in_a_row: u32,
    /// The failure that its policy has restarted it for last. It stays when the service is up again.
    pub last_error: Option<ServiceError>,
    /// When it is started again; `None` unless it is in [`Backoff`](State::Backoff).
    pub next_start: Option<Instant>,
    /// When what is still left of it will be dropped: the end of its time to stop, as it was set when it was asked to,
    /// and as the deadline of the application has shortened it since. It stays when the service is down. `None` before
    /// the request, and for a service that has no code to stop.
    pub stop_by: Option<Instant>,
    /// Its lease, if one replica runs it.
    pub lease: Option<Box<LeaseStatus>>,
    /// Its ticks; `None` for the other shapes.
    pub ticks: Option<TickStatus>,
    /// The counts of its items, if it is a queue; `None` for the other shapes.
    pub queue: Option<QueueStatus>,
    /// The counts of the tasks it has started with
    /// [`cx.spawn_isolated(..)`](crate::Context::spawn_isolated).
    pub isolated: IsolatedStatus,
    /// The error of the last flush that failed, as text.
    pub(crate) flush_error: Option<Arc<str>>,
}

impl ServiceStatus {
    /// Whether the application's [readiness](crate::Handle::is_healthy) waits for it: it is not under
    /// [`OnFailure::Ignore`], nor under a [restart](OnFailure::Restart) that ends so.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !self.on_failure.ends_ignored()
    }

    /// Whether it is where a started application wants it: running, on standby, a oneshot that succeeded, or disabled.
    /// (The application's own [readiness](crate::Handle::is_healthy) leaves out those under
    /// [`OnFailure::Ignore`].)
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        match self.state {
            State::Running | State::Standby | State::Disabled => true,
            State::Stopped => self.succeeded,
            _ => false,
        }
    }
}

/// What this replica knows of the lease of a service that one replica runs.
///
/// ```
/// /// A sentence for a person: who runs this service.
/// fn who(lease: &lifecycle::LeaseStatus) -> String {
///     match (&lease.token, &lease.leader) {
///         (Some(token), _) => format!("this replica, {}, by token {token}", lease.holder),
///         (None, Some(leader)) => format!("{}, by token {}", leader.holder, leader.token),
///         (None, None) => "not known".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseStatus {
    /// What the lease is called: the namespace of the store, a slash, and the name of the service.
    pub name: Arc<str>,
    /// What this replica is called in the store.
    pub holder: Arc<str>,
    /// The fencing token, while this replica holds the lease.
    pub token: Option<u64>,
    /// Since when this replica holds it, while it does.
    pub since: Option<Instant>,
    /// Until when this replica relies on it, while it holds it, if it can't be renewed before: a tenth of the term before
    /// the term is over.
    pub until: Option<Instant>,
    /// For how long the lease is taken, and renewed each time.
    pub term: Duration,
    /// Who holds it instead, as the store told it last, while the service is on standby. The store is asked about three
    /// times in a term. `None` before the first answer, while no replica holds it, and where the store
    /// [can't tell](crate::Leases::leader).
    pub leader: Option<LeaseLeader>,
}

/// Another replica that holds the lease of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseLeader {
    /// What it is called in the store.
    pub holder: Arc<str>,
    /// Its fencing token.
    pub token: u64,
    /// When this replica has heard of this grant for the first time. It may be older.
    pub since: Instant,
}

/// What is known of a service's ticks.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::TickStatus;
///
/// /// Whether the loop is stuck or keeps failing.
/// fn is_worrying(ticks: &TickStatus) -> bool {
///     let stuck = ticks.age().is_some_and(|age| age > Duration::from_secs(600));
///     stuck || ticks.consecutive_failures > 3
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TickStatus {
    /// How many have ended, failed ones included.
    pub count: u64,
    /// How many of those failed: returned an error, or ran into the tick timeout.
    pub failures: u64,
    /// How many have failed since the last success.
    pub consecutive_failures: u64,
    /// How many points of the schedule had no tick of their own, since the application was started: a tick was still
    /// running when they passed, or the program was held up, the machine slept or its clock was set ahead. Whether a
    /// late tick stands for them or none makes no difference.
    ///
    /// None are counted that passed while the schedule was paused, or the service was down or stopping; none with
    /// `delay` or `missed = burst`, which leave none out. With `catch_up` only those that were
    /// [skipped](crate::EventKind::PointsSkipped) are counted. Those of a cron expression are counted up to 1,000 in each gap.
    pub missed: u64,
    /// When the last one began; the one in flight, if there is one.
    pub last_start: Option<Instant>,
    /// When the last one ended.
    pub last_end: Option<Instant>,
    /// How long the last one that has ended took.
    pub last_duration: Option<Duration>,
    /// The error of the last tick that failed, as text. A success does not clear it.
    pub last_error: Option<Arc<str>>,
    /// When the next one is due; `None` while one is in flight, while the schedule is paused, and when none will
    /// follow.
    pub next_due: Option<Instant>,
    pub(crate) in_flight: bool,
}

impl TickStatus {
    /// How long ago the last tick ended, so that a loop that is stuck shows. `None` before the first
    /// tick has ended.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.last_end
            .map(|end| Instant::now().saturating_duration_since(end))
    }

    /// Whether a tick is in flight.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.in_flight
    }
}

/// What has become of the items of a [queue](crate::Queue).
///
/// ```
/// /// All items that the queue has ever accepted.
/// fn accepted(queue: &lifecycle::QueueStatus) -> u64 {
///     queue.flushed + queue.lost + queue.dropped + queue.depth
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStatus {
    /// How many were flushed. In the end `flushed`, `lost` and `dropped` are together all that were accepted.
    pub flushed: u64,
    /// How many attempts to flush a batch have failed.
    pub failures: u64,
    /// How many were accepted and could not be flushed: before the end, or, under
    /// `attempts_used_up = drop`, with the attempts that a batch has.
    pub lost: u64,
    /// How many were accepted and dropped to make room for newer ones, under `overflow = drop_oldest`.
    pub dropped: u64,
    /// How many are accepted and not flushed: the waiting ones, and the batch in hand. Zero before the
    /// service starts and once it is down.
    pub depth: u64,
    /// How long the flush in flight has taken so far, if there is one, so that a flush that never
    /// returns shows.
    pub flush_age: Option<Duration>,
}

/// What is known of the tasks that a service has started with
/// [`cx.spawn_isolated(..)`](crate::Context::spawn_isolated).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IsolatedStatus {
    /// How many there are now.
    pub in_flight: u64,
    /// How many have failed: returned an error, or panicked. One that was dropped at the stop has not.
    pub failures: u64,
}

/// One move of one service, as seen by a [subscriber](crate::Handle::subscribe).
///
/// ```
/// use lifecycle::{State, Transition};
///
/// fn came_up(moved: &Transition) -> bool {
///     println!("{moved}"); // "store: starting -> running"
///     moved.to == State::Running
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition {
    /// The service that moved.
    pub name: Name,
    /// The state it left.
    pub from: State,
    /// The state it is in now.
    pub to: State,
    /// When it moved.
    pub at: Instant,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.name, self.from, self.to)
    }
}
