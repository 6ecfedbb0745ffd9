//! Why an item was not accepted.

use std::error::Error as StdError;
use std::fmt;

use crate::report::error::StopMark;

/// An item that was not accepted: the service has stopped taking any. As
/// [`HealthError::Stopping`](crate::HealthError::Stopping) it is no failure of a service that returns it
/// while the application stops. `Debug` is the sentence of `Display`.
///
/// ```
/// use lifecycle::{Intake, SendError};
///
/// async fn record(intake: &Intake<String>, line: String) {
///     if let Err(SendError(line)) = intake.send(line).await {
///         eprintln!("not recorded, the application is stopping: {line}");
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// An item that was not accepted at once. `Debug` is the sentence of `Display`.
///
/// ```
/// use lifecycle::{Intake, TrySendError};
///
/// /// Whether the client is to try again later.
/// fn offer(intake: &Intake<String>, line: String) -> bool {
///     matches!(intake.try_send(line), Err(TrySendError::Full(_)))
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// The queue is full; wait with [`Intake::send`](crate::Intake::send), or try later.
    Full(T),
    /// The service has stopped taking items. As [`HealthError::Stopping`](crate::HealthError::Stopping) it
    /// is no failure of a service that returns it while the application stops.
    Closed(T),
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

// By hand: the source is the same for every type of items, so that it can be found.
impl<T> StdError for SendError<T> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(StopMark::SOURCE)
    }
}

impl<T> StdError for TrySendError<T> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Full(_) => None,
            Self::Closed(_) => Some(StopMark::SOURCE),
        }
    }
}

// Written by hand: a derive would ask that the items are `Debug`.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
