//! What can go wrong with a service, named by service and phase.

use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use crate::panics::{self, Panic};
use crate::report::name::Name;
use crate::report::reason::Reason;
use crate::report::registry_error::RegistryError;
use crate::report::status::{Phase, Shape};

/// Any error a hook returns: every `Error + Send + Sync` converts with `?`, and so do `&str` and
/// `String`.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What every hook returns. The defaults fit a hook; name the parameters to use it elsewhere.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// Why a service failed: which one, in which phase, and what happened.
///
/// Its `Display` is one sentence that holds all three. Cloning shares the error.
#[derive(Clone, Debug)]
pub struct ServiceError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: Name,
    phase: Phase,
    fault: Fault,
    after: Duration,
    /// Of a start that ran out of time.
    start: Option<Unfinished>,
}

/// What is known of a start that ran out of time.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) shape: Shape,
    /// What the attempts that failed have said last.
    pub(crate) attempts: Option<FailedAttempts>,
    /// What the service itself said by `cx.degraded(..)`.
    pub(crate) degraded: Option<Arc<str>>,
}

/// The attempts of a `startup` that have failed by now.
#[derive(Debug)]
pub(crate) struct FailedAttempts {
    count: u32,
    last: BoxError,
    /// Both in words.
    sentence: Arc<str>,
}

impl FailedAttempts {
    /// One more than `before` has failed.
    pub(crate) fn after(before: u32, last: BoxError) -> Self {
        let count = before.saturating_add(1);
        let (plural, which) = if count == 1 {
            ("", "")
        } else {
            ("s", ", the last")
        };
        let why = chain(last.as_ref());
        let sentence = format!(
            "{count} attempt{plural} of `startup` failed{which}: {}",
            or_nothing(&why)
        );
        Self {
            count,
            last,
            sentence: sentence.into(),
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn last(&self) -> &BoxError {
        &self.last
    }

    pub(crate) fn sentence(&self) -> Arc<str> {
        self.sentence.clone()
    }
}

/// Whoever lets go of an error last need not expect a panic: its destructor is a hook's own code.
impl Drop for Inner {
    fn drop(&mut self) {
        let fault = std::mem::replace(&mut self.fault, Fault::ExitedEarly);
        let start = self.start.take();
        // There is nobody left to tell.
        let _ = panics::catch(|| drop(fault));
        let _ = panics::catch(|| drop(start));
    }
}

impl From<Panic> for Fault {
    fn from(Panic(message): Panic) -> Self {
        Self::Panic(message)
    }
}

/// How far the sources of an error are followed: one may well be its own.
const MAX_SOURCES: usize = 32;

/// What happened to a service that failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// A hook returned this error.
    Error(BoxError),
    /// A hook panicked with this message.
    Panic(String),
    /// Its `run` (or `start`) returned `Ok` though nothing had asked the application to stop.
    ExitedEarly,
    /// Its `start` returned `Ok` before it called `cx.ready()`.
    NeverReady,
    /// It was not ready (a oneshot: not done) within this time, its `start_timeout`. What the attempts
    /// of its `startup` failed with, if any did, is the [`cause`](ServiceError::cause).
    StartTimeout(Duration),
    /// It was never started: the dependency with this name failed.
    Dependency(Name),
    /// It did not stop in time and was dropped, after this long.
    Late(Duration),
}

impl ServiceError {
    /// `after` is the time since the application was started.
    pub(crate) fn new(service: Name, phase: Phase, fault: Fault, after: Duration) -> Self {
        Self(Arc::new(Inner {
            service,
            phase,
            fault,
            after,
            start: None,
        }))
    }

    /// It was not ready within its start timeout, `limit`.
    pub(crate) fn start_timeout(
        service: Name,
        limit: Duration,
        start: Unfinished,
        after: Duration,
    ) -> Self {
        let phase = match start.shape {
            Shape::Oneshot => Phase::Run,
            _ => Phase::Startup,
        };
        Self(Arc::new(Inner {
            service,
            phase,
            fault: Fault::StartTimeout(limit),
            after,
            start: Some(start),
        }))
    }

    /// The name of the service.
    #[must_use]
    pub fn service(&self) -> &Name {
        &self.0.service
    }

    /// Where in its life it failed.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// What happened.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// How long the application had been running then.
    #[must_use]
    pub fn after(&self) -> Duration {
        self.0.after
    }

    /// The error that a hook returned, if that is what happened; of a start timeout, the one that the
    /// last attempt of `startup` failed with, if one did. It can be downcast to the hook's own type
    /// (not through the box of `anyhow` and its like: they hide theirs).
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match self.fault() {
            Fault::Error(error) => Some(error.as_ref()),
            _ => self
                .failed_attempts()
                .map(|attempts| attempts.last.as_ref()),
        }
    }

    /// How many attempts of `startup` had failed when the start timeout was over; 0 for any other
    /// fault.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.failed_attempts().map_or(0, FailedAttempts::count)
    }

    fn failed_attempts(&self) -> Option<&FailedAttempts> {
        self.0.start.as_ref()?.attempts.as_ref()
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            service,
            phase,
            fault,
            start,
            ..
        } = &*self.0;
        write!(f, "service `{service}` ")?;
        match fault {
            Fault::Error(error) => write!(
                f,
                "failed in {phase}: {}",
                or_nothing(&chain(error.as_ref()))
            ),
            Fault::Panic(message) => write!(f, "panicked in {phase}: {}", or_nothing(message)),
            Fault::ExitedEarly => {
                write!(f, "exited early: it returned before it was asked to stop")
            }
            Fault::NeverReady => write!(
                f,
                "returned before it was ready: `start` must call `cx.ready()`"
            ),
            Fault::StartTimeout(limit) => match start {
                Some(start) => write!(
                    f,
                    "was not ready within {limit:?} (`start_timeout`): {start}"
                ),
                None => write!(f, "was not ready within {limit:?} (`start_timeout`)"),
            },
            Fault::Late(had) => write!(
                f,
                "did not stop in time: dropped in {phase} after {had:.1?}"
            ),
            Fault::Dependency(name) => {
                write!(f, "was not started: it depends on `{name}`, which failed")
            }
        }
    }
}

/// Where and why the start was still under way.
impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.attempts, self.shape) {
            (Some(attempts), _) => f.write_str(&attempts.sentence)?,
            (None, Shape::Oneshot) => f.write_str("its `run` has not returned")?,
            (None, Shape::Custom) => f.write_str("its `start` has not called `cx.ready()`")?,
            (None, _) => f.write_str("its `startup` has not returned")?,
        }
        match &self.degraded {
            Some(why) => write!(f, "; it is degraded: {}", or_nothing(why)),
            None => Ok(()),
        }
    }
}

/// The whole sentence is in `Display`, sources included, so there is nothing further to print. The
/// source is what the last attempt of a `startup` failed with, as the start timeout itself is what
/// failed the service.
impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let attempts = self.failed_attempts()?;
        Some(attempts.last.as_ref())
    }
}

/// A sentence must not end in the middle.
fn or_nothing(message: &str) -> &str {
    if message.trim().is_empty() {
        "no message"
    } else {
        message
    }
}

/// An error and its sources on one line, each said once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = shown(error);
    let mut said = line.clone();
    for source in successors(source(error), |error| source(*error)).take(MAX_SOURCES) {
        let text = shown(source);
        // Many errors already repeat their source's words.
        if !said.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
            said = text;
        }
    }
    line
}

/// What an error says. It is user code, and what shows it must not fail with it.
fn shown(error: &(dyn StdError + 'static)) -> String {
    panics::catch(|| error.to_string())
        .unwrap_or_else(|_| "an error whose `Display` panics".to_owned())
}

fn source<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    panics::catch(|| error.source()).ok().flatten()
}

/// Whether a hook's error only says that the application is stopping: it is, or comes from, what
/// this crate's own methods return then. `failures` are those of the application itself: waiting for
/// its health returns the first of them.
pub(crate) fn tells_of_the_stop(
    error: &(dyn StdError + 'static),
    failures: &[ServiceError],
) -> bool {
    let is_known =
        |error: &ServiceError| failures.iter().any(|known| Arc::ptr_eq(&known.0, &error.0));
    let tells = |error: &(dyn StdError + 'static)| match error.downcast_ref() {
        Some(HealthError::Stopping(_)) => true,
        Some(HealthError::Service(error)) => is_known(error),
        Some(HealthError::NotStarted(_)) => false,
        None => {
            // An error that is transparent to `HealthError` only shows the source of that.
            error.is::<Reason>() || matches!(error.downcast_ref(), Some(TriggerError::Stopped))
        }
    };
    successors(Some(error), |error| source(*error))
        .take(MAX_SOURCES)
        .any(tells)
}

/// Why a registry could not be (or no longer be) healthy: what
/// [`await_healthy`](crate::Running::await_healthy) returns.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// A service failed.
    #[error(transparent)]
    Service(ServiceError),
    /// The application was asked to stop first.
    ///
    /// A hook or a task may return it: once the stop was requested it is no failure of the service,
    /// also where it is the source of another error. In a `drain` it is one: what has not been flushed
    /// is lost.
    #[error("the application is stopping: {0}")]
    Stopping(#[source] Reason),
    /// The registry could not be started at all.
    #[error(transparent)]
    NotStarted(Arc<StartError>),
}

/// Why a registry could not be started at all.
#[derive(Debug, thiserror::Error)]
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
    /// The signal handlers could not be installed.
    #[error("the signal handlers could not be installed: {0}")]
    Signals(#[source] std::io::Error),
    /// What was registered is no registry.
    #[error(transparent)]
    Registry(RegistryError),
}

/// Why a schedule can't be followed, or a queue's batches can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// A duration of the schedule is zero.
    #[error("the {setting} `{field}` is zero: a scheduled service needs a positive one")]
    Zero {
        /// Which: `interval`, `delay` or `tick_timeout`.
        setting: &'static str,
        /// What the attribute says: the field path, or the expression.
        field: &'static str,
    },
    /// The interval of a queue is zero.
    #[error("the interval `{field}` is zero: a queue needs a positive one")]
    QueueInterval {
        /// What the attribute says: the field path, or the expression.
        field: &'static str,
    },
    /// A queue's batches have no size.
    #[error("the size of a batch is zero: a queue needs at least one item in it")]
    EmptyBatch,
    /// The jitter is longer than what it is taken from.
    #[error("the jitter of {jitter:?} is longer than the {setting} `{field}`, which is {period:?}")]
    Jitter {
        /// The jitter.
        jitter: Duration,
        /// What it is taken from: `interval` or `delay`.
        setting: &'static str,
        /// What the attribute says of that.
        field: &'static str,
        /// How long that is.
        period: Duration,
    },
    /// What the service gives for a cron expression is none.
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
}

/// Why a tick that was asked for did not succeed: what [`Handle::trigger`](crate::Handle::trigger)
/// returns.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// No service has this name.
    #[error("no service is named `{0}`")]
    Unknown(String),
    /// The service has no ticks.
    #[error("service `{0}` is not scheduled: there is no tick to run")]
    NotScheduled(Name),
    /// It was asked for by the service's own code, which the tick would have to wait for: a tick, a
    /// `startup`, a `drain`.
    #[error(
        "service `{0}` waits for a tick of its own, which waits for it: ask from a task (`cx.spawn`), or call what the tick does"
    )]
    FromWithin(Name),
    /// It was asked for by a service that is starting, of one that does not run yet.
    #[error(
        "service `{0}` is not running yet, and may be waiting for the one that asks: ask later, or start after it"
    )]
    NotRunning(Name),
    /// The services wait for each other's ticks, in this order; the last is the first.
    #[error("these services would wait for each other's ticks: {0}")]
    Cycle(String),
    /// The registry has not been started.
    #[error("the registry has not been started: there is no tick to run yet")]
    NotStarted,
    /// The service has stopped or failed, before or while it ran the tick. As [`HealthError::Stopping`] it
    /// is no failure of a service that returns it while the application stops.
    #[error("the service has stopped")]
    Stopped,
    /// The tick ran, and failed.
    #[error("the tick failed: {0}")]
    Failed(Arc<str>),
}
