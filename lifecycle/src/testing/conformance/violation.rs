//! What a service has failed to do, and what to do about it.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Case;
use crate::report::error::{RestartError, ServiceError};
use crate::report::registry_error::RegistryError;
use crate::report::status::Phase;

/// A service does not do what every service owes. Its sentence names the [`Case`], what happened, and what to do; its
/// `Debug` is the same, so that a test can return it.
///
/// ```
/// use lifecycle::testing::{Case, NotConforming};
///
/// fn is_about_the_drain(error: &NotConforming) -> bool {
///     error.case() == Case::DrainsOnce
/// }
/// ```
#[derive(thiserror::Error)]
#[error("{case}: {violation}")]
pub struct NotConforming {
    case: Case,
    #[source]
    violation: Violation,
}

impl NotConforming {
    pub(super) fn new(case: Case, violation: Violation) -> Self {
        Self { case, violation }
    }

    /// The case that has failed.
    #[must_use]
    pub fn case(&self) -> Case {
        self.case
    }
}

impl fmt::Debug for NotConforming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Violation {
    #[error(
        "it can't start ({0}): what is checked needs all that its startup asks for, in a test too"
    )]
    NotStarted(ServiceError),
    #[error(
        "it is never up: let `startup` or `bind` return, or call `cx.ready()` in a hand-written `start`"
    )]
    NotReady,
    #[error(
        "it ended before it was asked to stop ({0}): go on until the stop channel closes, also while there is nothing to do"
    )]
    EndedByItself(ServiceError),
    #[error("{}, it was still in `{phase}` when its time was over ({had:?}): wait for `cx.stop_channel()` beside all that it does, in a `select!`", Asked(*asked_in))]
    Late {
        asked_in: Option<Phase>,
        phase: Phase,
        had: Duration,
    },
    #[error("{}, it failed ({error}): a stop is no failure, whatever it interrupts", Asked(Some(*phase)))]
    FailedAtStop { phase: Phase, error: ServiceError },
    #[error(
        "its destructor panicked ({0}): what never started is dropped too, so make `drop` bear every state"
    )]
    PanickedAtDrop(String),
    #[error(
        "it blocks its thread, and what holds a thread can't be stopped: wait with `.await`, and leave what blocks to `tokio::task::spawn_blocking`"
    )]
    Blocks,
    #[error(
        "its drain ran {0} times in one run, and is to run once: `stop` is called once, and calls that of what it holds once"
    )]
    DrainedAgain(u64),
    #[error(
        "its drain did not run, though it was up: flush in `stop`, once `cx.exited()` has resolved"
    )]
    NotDrained,
    #[error(
        "{count} of its tasks were left when it was down: start them with `cx.spawn(..)` or `cx.spawn_isolated(..)`, which end with the service"
    )]
    TasksLeft { count: usize },
    #[error(
        "its second run failed ({0}): a restart uses the same value again, so make what a run uses up in `startup`, or register it with `anew(..)`"
    )]
    NotAgain(RestartError),
    #[error("its settings make no registry ({0}): change those given to the check")]
    Settings(RegistryError),
    #[error("no runtime could be made for it ({0}): the process has no descriptors left")]
    NoRuntime(io::Error),
}

/// When it was asked to stop, in words.
struct Asked(Option<Phase>);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("asked to stop while it was idle"),
            Some(phase) => write!(f, "asked to stop in `{phase}`"),
        }
    }
}
