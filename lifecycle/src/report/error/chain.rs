//! An error and its sources: as one line, and searched for the errors that a stop causes.

use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;

use super::{HealthError, ServiceError, permanent};
use crate::panics;
use crate::report::reason::Reason;

/// How many sources of an error are followed. An error may name itself as its source, which would never
/// end.
const MAX_SOURCES: usize = 32;

/// An empty message would leave a sentence that ends with a colon.
pub(super) fn or_nothing(message: &str) -> &str {
    if message.trim().is_empty() {
        "no message"
    } else {
        message
    }
}

/// An error and its sources on one line, each text once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = shown(error);
    let mut printed = line.clone();
    // A mark repeats in other words what another error says.
    let is_mark =
        |error: &&(dyn StdError + 'static)| error.is::<StopMark>() || error.is::<permanent::Mark>();
    for source in sources(error).filter(|error| !is_mark(error)) {
        let text = shown(source);
        // Many errors already print their source.
        if !printed.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
            printed = text;
        }
    }
    line
}

/// The sources of an error.
pub(super) fn sources<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(source(error), |error| source(*error)).take(MAX_SOURCES)
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
/// sources, is an error that the library's methods return during a stop. `failures` are those that the
/// application has recorded, because `await_healthy` returns the first of them.
pub(crate) fn tells_of_the_stop(
    error: &(dyn StdError + 'static),
    failures: &[ServiceError],
) -> bool {
    let is_known = |error: &ServiceError| failures.iter().any(|known| known.is_same(error));
    // `None`: its source decides.
    let is_the_stop = |error: &(dyn StdError + 'static)| {
        let failure = match error.downcast_ref() {
            Some(HealthError::Service(failure)) => Some(failure),
            _ => error.downcast_ref::<ServiceError>(),
        };
        match failure {
            // A failure that is recorded is told already. Its own sources don't matter.
            Some(failure) => Some(is_known(failure)),
            None => (error.is::<Reason>() || error.is::<StopMark>()).then_some(true),
        }
    };
    successors(Some(error), |error| source(*error))
        .take(MAX_SOURCES)
        .find_map(is_the_stop)
        .unwrap_or(false)
}

/// Marks an error that only reports that a part of this library has stopped: it is the source of that error.
/// A search finds it by its type through any wrapper. It does not find the error itself where the wrapper is
/// transparent, or where the error's type is generic.
#[derive(Debug)]
pub(crate) struct StopMark;

impl StopMark {
    /// For `Error::source`.
    pub(crate) const SOURCE: &'static (dyn StdError + 'static) = &Self;
}

impl fmt::Display for StopMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it has stopped")
    }
}

impl StdError for StopMark {}
