//! Why a service failed, and the sentence that says so.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::BoxError;
use super::chain::{chain, or_nothing};
use super::permanent::{Permanent, is_permanent};
use crate::panics::{self, Panic};
use crate::report::name::Name;
use crate::report::status::{Phase, Shape};

/// Why a service failed: which one, in which phase, and what happened.
///
/// Its `Display` is one sentence that holds all three, and so is its `Debug`, which is what a `main` that
/// returns an error prints. Cloning shares the error.
///
/// ```
/// use lifecycle::{Outcome, Phase};
///
/// /// The services that failed as they started.
/// fn failed_to_start(outcome: &Outcome) -> Vec<&str> {
///     let failures = outcome.failures().iter();
///     let at_start = failures.filter(|failure| failure.phase() == Phase::Startup);
///     at_start.map(|failure| failure.service().as_str()).collect()
/// }
/// ```
#[derive(Clone)]
pub struct ServiceError(Arc<Inner>);

struct Inner {
    service: Name,
    phase: Phase,
    fault: Fault,
    after: Duration,
    /// `Some` only for a start that ran out of time.
    start: Option<Unfinished>,
    /// Set if the service was restarted so often that this failure is its end.
    restarts: OnceLock<u32>,
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
    pub(crate) fn after(shape: Shape, before: u32, last: BoxError) -> Self {
        let count = before.saturating_add(1);
        let (plural, which) = if count == 1 {
            ("", "")
        } else {
            ("s", ", the last")
        };
        let why = chain(last.as_ref());
        let hook = shape.startup_hook();
        let sentence = format!(
            "{count} attempt{plural} of `{hook}` failed{which}: {}",
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

/// What happened to a service that failed.
///
/// ```
/// use lifecycle::{Fault, ServiceError};
///
/// /// Whether code of the service has a bug, as far as that shows.
/// fn is_a_bug(error: &ServiceError) -> bool {
///     matches!(error.fault(), Fault::Panic(_))
/// }
/// ```
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
    /// Its `reload` did not return within this time, its `start_timeout`, and was dropped.
    ReloadTimeout(Duration),
}

impl Fault {
    /// What kind of fault it is, in one stable word, for a metric or a decision in another program:
    /// `error`, `panic`, `exited_early`, `never_ready`, `start_timeout`, `dependency`, `late` or `reload_timeout`. The feature
    /// `serde` writes the same one. Later versions may add words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Panic(_) => "panic",
            Self::ExitedEarly => "exited_early",
            Self::NeverReady => "never_ready",
            Self::StartTimeout(_) => "start_timeout",
            Self::Dependency(_) => "dependency",
            Self::Late(_) => "late",
            Self::ReloadTimeout(_) => "reload_timeout",
        }
    }
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
            restarts: OnceLock::new(),
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
            restarts: OnceLock::new(),
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
    /// (not through the box of `anyhow` and its like: they hide theirs). Of one that was marked as
    /// [`permanent`](crate::permanent), it is the error itself.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match self.fault() {
            Fault::Error(error) => Some(match error.downcast_ref::<Permanent>() {
                Some(marked) => marked.get_ref(),
                None => error.as_ref(),
            }),
            _ => self
                .failed_attempts()
                .map(|attempts| attempts.last.as_ref()),
        }
    }

    /// Whether a hook has marked its error as [`permanent`](crate::permanent): no restart can mend it.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self.fault() {
            Fault::Error(error) => match error.downcast_ref::<Self>() {
                // Of a service of its own, if it is a registry.
                Some(inner) => inner.service().is_within(self.service()) && inner.is_permanent(),
                None => is_permanent(error.as_ref()),
            },
            _ => false,
        }
    }

    /// The failure is the end of the service, which has used up all its restarts.
    pub(crate) fn give_up_after(&self, restarts: u32) {
        let _ = self.0.restarts.set(restarts);
    }

    /// After how many restarts in a row this failure was the end of the service; `None` if that is not why it
    /// was.
    #[must_use]
    pub fn gave_up_after(&self) -> Option<u32> {
        self.0.restarts.get().copied()
    }

    /// How many attempts of `startup` had failed when the start timeout was over; 0 for any other
    /// fault.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.failed_attempts().map_or(0, FailedAttempts::count)
    }

    /// Whether both are clones of one error.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
        let gave_up = GaveUp(self.gave_up_after());
        match fault {
            Fault::Error(error) => write!(
                f,
                "failed in {phase}{gave_up}: {}",
                or_nothing(&chain(error.as_ref()))
            ),
            Fault::Panic(message) => {
                write!(f, "panicked in {phase}{gave_up}: {}", or_nothing(message))
            }
            Fault::ExitedEarly => write!(
                f,
                "exited early{gave_up}: it returned before it was asked to stop"
            ),
            Fault::NeverReady => write!(
                f,
                "returned before it was ready{gave_up}: `start` must call `cx.ready()`"
            ),
            Fault::StartTimeout(limit) => match start {
                Some(start) => write!(
                    f,
                    "was not ready within {limit:?} (`start_timeout`){gave_up}: {start}"
                ),
                None => write!(
                    f,
                    "was not ready within {limit:?} (`start_timeout`){gave_up}"
                ),
            },
            Fault::Late(had) => write!(
                f,
                "did not stop in time: dropped in {phase} after {had:.1?}"
            ),
            Fault::ReloadTimeout(limit) => write!(
                f,
                "did not reload within {limit:?} (`start_timeout`): dropped"
            ),
            Fault::Dependency(name) => {
                write!(f, "was not started: it depends on `{name}`, which failed")
            }
        }
    }
}

/// What follows what has happened, if it is the end after so many restarts.
struct GaveUp(Option<u32>);

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(restarts) = self.0 else {
            return Ok(());
        };
        let plural = if restarts == 1 { "" } else { "s" };
        write!(f, " and gave up after {restarts} restart{plural}")
    }
}

/// What the start was waiting for when its time ran out.
impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.attempts, self.shape) {
            (Some(attempts), _) => f.write_str(&attempts.sentence)?,
            (None, Shape::Oneshot) => f.write_str("its `run` has not returned")?,
            (None, Shape::Registry) => f.write_str("not all of its services are up")?,
            (None, Shape::Custom) => f.write_str("its `start` has not called `cx.ready()`")?,
            (None, shape) => write!(f, "its `{}` has not returned", shape.startup_hook())?,
        }
        match &self.degraded {
            Some(why) if self.shape == Shape::Registry => write!(f, ": {}", or_nothing(why)),
            Some(why) => write!(f, "; it is degraded: {}", or_nothing(why)),
            None => Ok(()),
        }
    }
}

/// The source is the [`cause`](ServiceError::cause). `Display` prints the whole chain already.
impl StdError for ServiceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause()?)
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_each_fault_is_one_word() {
        let kinds = [
            (Fault::Error("disk full".into()), "error"),
            (Fault::Panic("index 7".to_owned()), "panic"),
            (Fault::ExitedEarly, "exited_early"),
            (Fault::NeverReady, "never_ready"),
            (Fault::StartTimeout(Duration::ZERO), "start_timeout"),
            (Fault::Dependency("store".into()), "dependency"),
            (Fault::Late(Duration::ZERO), "late"),
            (Fault::ReloadTimeout(Duration::ZERO), "reload_timeout"),
        ];
        for (fault, kind) in kinds {
            assert_eq!(fault.kind(), kind, "{fault:?}");
        }
    }
}
