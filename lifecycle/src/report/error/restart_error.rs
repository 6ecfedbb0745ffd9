//! Why a service was not restarted by hand.

use std::error::Error as StdError;
use std::fmt;

use super::{ServiceError, StopMark};
use crate::report::name::Name;

/// Why a service was not restarted by hand: what [`Handle::restart`](crate::Handle::restart) returns. Its `Debug` is
/// the sentence of its `Display`.
///
/// ```
/// use lifecycle::{Handle, RestartError};
///
/// /// Whether the service is back, or will be by itself.
/// async fn bring_back(handle: &Handle, service: &str) -> bool {
///     match handle.restart(service).await {
///         Ok(()) | Err(RestartError::NotRunning(_)) => true,
///         Err(error) => {
///             eprintln!("{error}");
///             false
///         }
///     }
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum RestartError {
    /// No service has this name.
    Unknown(String),
    /// The registry has not been started.
    NotStarted,
    /// The service is disabled: see [`State::Disabled`](crate::State::Disabled).
    Disabled(Name),
    /// The service has no run that could be restarted: it waits for what it needs.
    NotRunning(Name),
    /// The service has ended, and what has ended is never started again: it has failed for good, is a oneshot
    /// that is done, or a member that was removed from its group meanwhile.
    Ended(Name),
    /// The restart was asked for by code of a service that it would stop, and that stop would wait for the code.
    FromWithin(Name),
    /// The application is stopping, or has stopped: nothing is started any more. As [`HealthError::Stopping`](crate::HealthError::Stopping) it
    /// is no failure of a service that returns it while the application stops.
    Stopping,
    /// The service has failed for good on its way down or up.
    Failed(ServiceError),
}

impl fmt::Display for RestartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(what) => write!(f, "no service is named `{what}`"),
            Self::NotStarted => {
                f.write_str("the registry has not been started: there is nothing to restart yet")
            }
            Self::Disabled(what) => {
                write!(
                    f,
                    "service `{what}` is disabled: there is nothing to restart"
                )
            }
            Self::NotRunning(what) => write!(
                f,
                "service `{what}` does not run: it is started as soon as all that it needs is up"
            ),
            Self::Ended(what) => write!(f, "service `{what}` has ended, and is not started again"),
            Self::FromWithin(what) => write!(
                f,
                "the restart of service `{what}` would wait for the code that asks for it: ask from outside of it, and of what restarts with it"
            ),
            Self::Stopping => f.write_str("the application is stopping: nothing is restarted"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

// By hand: `Stopping` has a source that it does not hold.
impl StdError for RestartError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Stopping => Some(StopMark::SOURCE),
            Self::Failed(error) => error.source(),
            _ => None,
        }
    }
}

debug_as_display! { RestartError }
