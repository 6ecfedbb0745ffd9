//! Panics of user code, turned into values. Nothing of the library stands below this file.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll, Waker};

/// What user code panicked with, as text.
#[derive(Debug)]
pub(crate) struct Panic(pub(crate) String);

/// Polls user code; a panic becomes a value. After one the future must not be polled again, only
/// dropped.
// Unwind safety: what a hook leaves half-done is the service's own, and the service has failed.
pub(crate) fn catch_poll<F: Future + ?Sized>(
    future: Pin<&mut F>,
    task: &mut task::Context<'_>,
) -> Poll<Result<F::Output, Panic>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(task))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(message(panic))),
    }
}

/// Runs user code that is not a future: a constructor of one, a destructor.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message)
}

/// Wakes a task that need not be one of tokio's: its waker is user code, and what it panics with is told
/// by the panic hook alone.
pub(crate) fn wake(waker: Waker) {
    let _ = catch(|| waker.wake());
}

/// Drops each item by itself: while a first panic unwinds, a second one would end the process. Returns
/// what the first one panicked with.
pub(crate) fn drop_each<T>(items: impl IntoIterator<Item = T>) -> Result<(), Box<dyn Any + Send>> {
    let mut first = Ok(());
    for item in items {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(item))) {
            if first.is_ok() {
                first = Err(panic);
            } else {
                let _ = message(panic);
            }
        }
    }
    first
}

/// A value of the user's that is dropped by itself, contained, wherever what holds it is dropped.
pub(crate) struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn into_inner(mut self) -> Option<T> {
        self.0.take()
    }

    pub(crate) fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // Nothing was promised to it, so its destructor is all there is to contain.
        let _ = catch(|| drop(value));
    }
}

/// Writes one line to the log, in the words of `tracing`'s macro of this level.
///
/// What takes the lines is user code, and may panic when there is nowhere to write to: the services have a
/// right to be drained all the same. Every line names its service itself, so it has no span for a parent,
/// which would name the service once more.
///
/// The first field is written out, `error = %error`: the oldest `tracing` that we allow takes no short form
/// behind `parent:`.
macro_rules! log_safely {
    ($level:ident, $($line:tt)+) => {
        let _ = $crate::panics::catch(|| {
            tracing::$level!(target: "lifecycle", parent: None, $($line)+);
        });
    };
}
pub(crate) use log_safely;

/// What a panic's payload says.
pub(crate) fn message(payload: Box<dyn Any + Send>) -> Panic {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    // The payload is user code as well. What its destructor panics with is not looked at: that may
    // go on for ever.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(panic);
    }
    Panic(message)
}
