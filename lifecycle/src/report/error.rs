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
    /// `Some` only for a start that ran out of time.
    start: Option<Unfinished>,
}

/// What is known of a start that ran out of time.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) shape: Shape,
    /// The attempts of `startup` that failed, if any did.
    pub(crate) attempts: Option<FailedAttempts>,
    /// The sentence that the service passed to `cx.degraded(..)`, if it was degraded.
    pub(crate) degraded: Option<Arc<str>>,
}

/// The attempts of a `startup` that have failed so far.
#[derive(Debug)]
pub(crate) struct FailedAttempts {
    count: u32,
    last: BoxError,
    /// The count and the last error as one sentence.
    sentence: Arc<str>,
}

impl FailedAttempts {
    /// An attempt failed with `last`, after `before` others.
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

/// The error inside is a hook's own, and its destructor may panic. The last clone can be dropped anywhere
/// in the library, so the panic is caught here.
impl Drop for Inner {
    fn drop(&mut self) {
        let fault = std::mem::replace(&mut self.fault, Fault::ExitedEarly);
        let start = self.start.take();
        // The panic hook prints the panic; the service has failed already.
        let _ = panics::catch(|| drop(fault));
        let _ = panics::catch(|| drop(start));
    }
}

impl From<Panic> for Fault {
    fn from(Panic(message): Panic) -> Self {
        Self::Panic(message)
    }
}

/// How many sources of an error are followed. An error may name itself as its source, which would never
/// end.
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

/// What the start was waiting for when its time ran out.
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

/// `Display` prints the whole chain, so the error of a hook is no source: it would be printed twice.
/// Only a start timeout has a source: the error that the last attempt of `startup` failed with.
impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let attempts = self.failed_attempts()?;
        Some(attempts.last.as_ref())
    }
}

/// An empty message would leave a sentence that ends with a colon.
fn or_nothing(message: &str) -> &str {
    if message.trim().is_empty() {
        "no message"
    } else {
        message
    }
}

/// An error and its sources on one line, each text once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = shown(error);
    let mut said = line.clone();
    for source in successors(source(error), |error| source(*error)).take(MAX_SOURCES) {
        let text = shown(source);
        // Many errors already print their source.
        if !said.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
            said = text;
        }
    }
    line
}

/// The error as text. Its `Display` is user code, and a panic there must not end the code that prints
/// the error.
fn shown(error: &(dyn StdError + 'static)) -> String {
    panics::catch(|| error.to_string())
        .unwrap_or_else(|_| "an error whose `Display` panics".to_owned())
}

fn source<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    panics::catch(|| error.source()).ok().flatten()
}

/// Whether a hook's error only reports that the application is stopping: the error itself, or one of its
/// sources, is what this crate's methods return during a stop. `failures` are the application's own:
/// `await_healthy` returns the first of them.
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
            // A transparent wrapper hides the `HealthError` inside and shows that error's source.
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
    /// The registered services make no valid registry.
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
