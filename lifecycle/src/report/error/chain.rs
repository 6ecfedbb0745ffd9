//! An error and its sources: as one line, and searched for the errors that a stop causes.

use std::error::Error as StdError;
use std::iter::successors;

use super::{HealthError, ServiceError, TriggerError};
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
    for source in successors(source(error), |error| source(*error)).take(MAX_SOURCES) {
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
    let is_known = |error: &ServiceError| failures.iter().any(|known| known.is_same(error));
    let is_the_stop = |error: &(dyn StdError + 'static)| match error.downcast_ref() {
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
        .any(is_the_stop)
}
