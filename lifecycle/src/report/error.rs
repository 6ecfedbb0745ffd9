//! The errors of the library: of a service, of the start of a registry, of waiting for health, of a
//! triggered tick, and of the values that a service gives.

mod chain;
mod permanent;
mod reload_error;
mod restart_error;
mod service_error;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::chain::{StopMark, chain, tells_of_the_stop};
pub(crate) use self::permanent::is_permanent;
pub use self::permanent::{Permanent, permanent};
pub use self::reload_error::ReloadError;
pub use self::restart_error::RestartError;
pub(crate) use self::service_error::{FailedAttempts, Unfinished};
pub use self::service_error::{Fault, ServiceError};
use crate::report::name::Name;
use crate::report::reason::Reason;
use crate::report::registry_error::RegistryError;

/// Any error a hook returns: every `Error + Send + Sync` converts with `?`, and so do `&str` and
/// `String`.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What every hook returns. The defaults fit a hook; name the parameters to use it elsewhere.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// Why a registry could not be (or no longer be) healthy: what
/// [`await_healthy`](crate::Running::await_healthy) returns. Its `Debug` is the sentence of its `Display`.
///
/// ```
/// use lifecycle::{HealthError, Running};
///
/// async fn up(running: &Running) -> bool {
///     match running.await_healthy().await {
///         Ok(()) => true,
///         Err(HealthError::Service(error)) => {
///             eprintln!("{} did not come up", error.service());
///             false
///         }
///         Err(error) => {
///             eprintln!("{error}");
///             false
///         }
///     }
/// }
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// A service failed.
    #[error(transparent)]
    Service(ServiceError),
    /// The application was asked to stop first.
    ///
    /// A hook or a task may return it, itself or as the source of another error. Once the stop was requested
    /// that is no failure of the service. In a `drain` it is one, because what has not been flushed is lost.
    #[error("the application is stopping: {0}")]
    Stopping(#[source] Reason),
    /// The registry could not be started at all.
    #[error(transparent)]
    NotStarted(Arc<StartError>),
}

/// Why a registry could not be started at all. Its `Debug` is the sentence of its `Display`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// `start` was called outside a tokio runtime.
    #[error(
        "a registry starts inside a tokio runtime: call it under `#[tokio::main]` or `Runtime::block_on`"
    )]
    NoRuntime,
    /// The runtime has no timer.
    #[error("a registry needs tokio's timer: build the runtime with `enable_time` or `enable_all`")]
    NoTimer,
    /// Code of a service called `start` as that service was being dropped, or was down already.
    #[error("a registry that a service starts ends with the service, and that is over")]
    ServiceEnded,
    /// A group was started as a second service while it runs as another one.
    #[error("a group runs as one service at a time, and this one runs already")]
    GroupRuns,
    /// The signal handlers could not be installed.
    #[error("the signal handlers could not be installed: {0}")]
    Signals(#[source] std::io::Error),
    /// The registered services make no valid registry.
    #[error(transparent)]
    Registry(RegistryError),
}

/// Why a schedule can't be followed, or a queue's batches can't be made. Its `Debug` is the sentence of its
/// `Display`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// A duration of the schedule is zero.
    #[error("the {setting} `{field}` is zero: a scheduled service needs a positive one")]
    Zero {
        /// Which: `interval`, `delay`, `tick_timeout` or `catch_up`.
        setting: &'static str,
        /// What the attribute says: the field path, or the expression.
        field: &'static str,
    },
    /// The schedule has a `catch_up`, and nothing remembers its points.
    #[error(
        "`catch_up` needs a memory, and the registry has none: write `memory = ..` before its services"
    )]
    NoMemory,
    /// The interval of a queue is zero.
    #[error("the interval `{field}` is zero: a queue needs a positive one")]
    QueueInterval {
        /// What the attribute says: the field path, or the expression.
        field: &'static str,
    },
    /// A queue's batches have no size.
    #[error("the size of a batch is zero: a queue needs at least one item in it")]
    EmptyBatch,
    /// The `flush_timeout` of a queue is zero.
    #[error("the flush timeout is zero: a queue needs a positive one, or none")]
    FlushTimeout,
    /// The jitter is longer than what it is taken from.
    #[error("the jitter of {jitter:?} is longer than the {setting} `{field}`, which is {period:?}")]
    Jitter {
        /// The jitter.
        jitter: Duration,
        /// What it is taken from: `interval` or `delay`.
        setting: &'static str,
        /// What the attribute says: the field path, or the expression.
        field: &'static str,
        /// The interval or the delay itself.
        period: Duration,
    },
    /// The text that the service gives is not a cron expression.
    #[error("`{field}` is no schedule: {problem}")]
    Cron {
        /// What the attribute says: the field path, or the expression.
        field: &'static str,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
    /// No time zone has this name, or this machine doesn't know it.
    #[error(
        "the time zone `{zone}` of `tz = {field}` is unknown here: the name is wrong, or the machine has no zone files (see the feature `cron-bundled-tz`)"
    )]
    Zone {
        /// What the attribute says: the name, the field path, or the expression.
        field: &'static str,
        /// The name that was not found.
        zone: String,
    },
    /// The text begins with a sign, and is no offset from UTC.
    #[error(
        "the time zone `{offset}` of `tz = {field}` is no offset: write its hours and minutes, such as `+02:00` or `-0330`, up to `23:59`"
    )]
    Offset {
        /// What the attribute says: the offset, the field path, or the expression.
        field: &'static str,
        /// The text that is no offset.
        offset: String,
    },
    /// The zone of the machine is asked for, and the machine does not tell it.
    #[error("the machine does not tell its time zone, which `tz = {field}` asks for: {problem}")]
    LocalZone {
        /// What the attribute says: `local`, the field path, or the expression.
        field: &'static str,
        /// Why it is not known.
        problem: String,
    },
}

/// Why a tick or a flush that was asked for did not succeed: what [`Handle::trigger`](crate::Handle::trigger)
/// returns. Its `Debug` is the sentence of its `Display`.
///
/// ```
/// use lifecycle::{Handle, TriggerError};
///
/// /// What a person who asked for a tick is told.
/// async fn collect_now(handle: &Handle) -> String {
///     match handle.trigger("collector").await {
///         Ok(()) => "collected".to_owned(),
///         Err(TriggerError::Unknown(_)) => "there is no collector here".to_owned(),
///         Err(error) => error.to_string(),
///     }
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum TriggerError {
    /// No service has this name.
    Unknown(String),
    /// The service is disabled: see [`State::Disabled`](crate::State::Disabled).
    Disabled(Name),
    /// The service has no ticks, and is no queue.
    NotScheduled(Name),
    /// It was asked for by the service's own code, which the tick or flush would have to wait for: a tick, a
    /// flush, a `startup`, a `drain`.
    FromWithin(Name),
    /// It was asked for by a service that is starting, of one that does not run yet.
    NotRunning(Name),
    /// The services wait for each other's ticks, in this order; the last is the first.
    Cycle(String),
    /// The registry has not been started.
    NotStarted,
    /// The service has stopped or failed, before or while it ran the tick. As [`HealthError::Stopping`] it
    /// is no failure of a service that returns it while the application stops.
    Stopped,
    /// The tick ran, and failed.
    Failed(Arc<str>),
    /// The flush of a queue ran, and failed. The queue tries the batch again.
    FlushFailed(Arc<str>),
}

impl fmt::Display for TriggerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(what) => write!(f, "no service is named `{what}`"),
            Self::Disabled(what) => {
                write!(f, "service `{what}` is disabled: there is nothing to run")
            }
            Self::NotScheduled(what) => write!(
                f,
                "service `{what}` is not scheduled: there is no tick to run"
            ),
            Self::FromWithin(what) => write!(
                f,
                "service `{what}` waits for a tick or a flush of its own, which waits for it: ask from a task (`cx.spawn`), or call what it does"
            ),
            Self::NotRunning(what) => write!(
                f,
                "service `{what}` is not running yet, and may be waiting for the one that asks: ask later, or start after it"
            ),
            Self::Cycle(what) => write!(
                f,
                "these services would wait for each other's ticks: {what}"
            ),
            Self::NotStarted => {
                f.write_str("the registry has not been started: there is nothing to run yet")
            }
            Self::Stopped => f.write_str("the service has stopped"),
            Self::Failed(what) => write!(f, "the tick failed: {what}"),
            Self::FlushFailed(what) => write!(f, "the flush failed: {what}"),
        }
    }
}

// By hand: `Stopped` has a source that it does not hold.
impl StdError for TriggerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        matches!(self, Self::Stopped).then_some(StopMark::SOURCE)
    }
}

/// Why a schedule can't be paused, resumed or looked at: what [`Handle::pause`](crate::Handle::pause) returns. Its
/// `Debug` is the sentence of its `Display`.
///
/// ```
/// # use lifecycle::{Idle, ScheduleError, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// let handle = registry! { "store" => Store }.handle();
/// let error = handle.pause("store").unwrap_err();
/// assert_eq!(error.to_string(), "service `store` is not scheduled: it has no ticks");
/// assert_eq!(handle.pause("stor"), Err(ScheduleError::Unknown("stor".into())));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// No service has this name.
    #[error("no service is named `{0}`")]
    Unknown(String),
    /// The service has no ticks.
    #[error("service `{0}` is not scheduled: it has no ticks")]
    NotScheduled(Name),
    /// A hand-written service, which may have a schedule inside. That shows once it is up.
    #[error("service `{0}` is not up yet: whether it is scheduled shows once it is")]
    NotUp(Name),
}

debug_as_display! { ScheduleError ServiceError HealthError StartError OptionError TriggerError }
