//! The mark of an error that no restart can mend.

use std::error::Error as StdError;
use std::fmt;

use super::BoxError;
use super::ServiceError;
use super::chain::sources;

/// Marks an error that no restart can mend: a wrong password, a configuration that makes no sense. The failure
/// of a service with such an error is final at once, whatever its [policy](crate::OnFailure::Restart) says.
///
/// `?` converts it like any error, into `anyhow` and its like too, and the mark is found in a box, as the source
/// of another error, and in one that is transparent to it.
///
/// ```
/// use lifecycle::{Context, Result, Worker, permanent, service};
///
/// #[service(worker)]
/// struct Feed;
///
/// impl Worker for Feed {
///     async fn run(&self, _: &Context) -> Result {
///         match connect().await {
///             Err(Refused::WrongPassword) => Err(permanent(Refused::WrongPassword))?,
///             connected => connected?,
///         }
///         Ok(())
///     }
/// }
/// # #[derive(Debug)]
/// # enum Refused { WrongPassword }
/// # impl std::fmt::Display for Refused {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("refused") }
/// # }
/// # impl std::error::Error for Refused {}
/// # async fn connect() -> Result<(), Refused> { Err(Refused::WrongPassword) }
/// ```
pub fn permanent(error: impl Into<BoxError>) -> Permanent {
    Permanent(Mark(error.into()))
}

/// An error that no restart can mend: what [`permanent`] returns. It is displayed as the error that was marked, by
/// `Display` and `Debug`, and that error's sources follow.
///
/// [`ServiceError::cause`](crate::ServiceError::cause) is the error that was marked.
pub struct Permanent(Mark);

impl Permanent {
    /// The error that was marked.
    #[must_use]
    pub fn get_ref(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.0.0.as_ref()
    }

    /// The error that was marked.
    #[must_use]
    pub fn into_inner(self) -> BoxError {
        self.0.0
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.get_ref(), f)
    }
}

/// The mark itself is the source, because an error that is transparent to another shows only its sources.
impl StdError for Permanent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

/// The source of each [`Permanent`]. It stands for the source of the error that was marked, which follows.
pub(super) struct Mark(BoxError);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(source) => fmt::Display::fmt(source, f),
            None => f.write_str("no restart can mend it"),
        }
    }
}

debug_as_display! { Permanent Mark }

impl StdError for Mark {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Whether the error, or one of its sources, was marked. What made another service fail is no part of the question.
pub(crate) fn is_permanent(error: &(dyn StdError + 'static)) -> bool {
    sources(error)
        .take_while(|error| !error.is::<ServiceError>())
        .any(<dyn StdError>::is::<Mark>)
}
