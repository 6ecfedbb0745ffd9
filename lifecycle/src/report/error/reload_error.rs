//! Why a reload was not complete.

use std::error::Error as StdError;
use std::fmt;

use super::ServiceError;
use super::chain::StopMark;
use crate::report::name::Name;
use crate::report::reason::Reason;

/// Why a reload was not complete: what [`Handle::reload`](crate::Handle::reload) returns. Its `Debug` is the
/// sentence of its `Display`.
///
/// ```
/// use lifecycle::{Handle, ReloadError};
///
/// async fn reload(handle: &Handle) {
///     match handle.reload().await {
///         Ok(()) => println!("all services have the new values"),
///         Err(ReloadError::Services(errors)) => {
///             for error in errors {
///                 eprintln!("{} keeps the old ones: {error}", error.service());
///             }
///         }
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum ReloadError {
    /// The `reload` of these services failed, or did not return within their `start_timeout`. All others have
    /// reloaded.
    Services(Vec<ServiceError>),
    /// The registry has not been started: its services will start with the new values.
    NotStarted,
    /// The application is stopping, for this reason. As [`HealthError::Stopping`](crate::HealthError::Stopping)
    /// it is no failure of a service that returns it then.
    Stopping(Reason),
    /// It was asked for by code that the reload would wait for: a `reload` hook, or the `startup` of this
    /// service. It may be a service of a registry or a group within.
    FromWithin(Name),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Services(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{error}")?;
                }
                Ok(())
            }
            Self::NotStarted => {
                f.write_str("the registry has not been started: there is nothing to reload yet")
            }
            Self::Stopping(reason) => {
                write!(f, "not reloaded: the application is stopping: {reason}")
            }
            Self::FromWithin(service) => write!(
                f,
                "service `{service}` asks for a reload that would wait for it: ask from a task (`cx.spawn`)"
            ),
        }
    }
}

impl StdError for ReloadError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // Of several errors none is the source: `Display` prints them all.
            Self::Services(errors) => match &errors[..] {
                [error] => Some(error),
                _ => None,
            },
            // `Display` prints the reason already.
            Self::Stopping(_) => Some(StopMark::SOURCE),
            _ => None,
        }
    }
}

debug_as_display! { ReloadError }
