//! Catches panics of user code and turns them into values. This file uses no other one of the library.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll, Waker};

/// The message of a panic.
#[derive(Debug)]
pub(crate) struct Panic(pub(crate) String);

/// Polls a future of the user's; a panic becomes a value. After a panic the caller must drop the
/// future and must not poll it again.
// Unwind safety: a panic leaves only data of the service half-changed, and the service has failed.
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

/// Runs user code that is not a future, such as a destructor; a panic becomes a value.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message)
}

/// Wakes a task. The task need not be one of tokio's, so its waker is user code and may panic. The panic
/// hook prints such a panic; it is no failure of a service.
pub(crate) fn wake(waker: Waker) {
    let _ = catch(|| waker.wake());
}

/// Drops the items one by one and returns the payload of the first panic. If one panic unwound through
/// the other items, a second panicking destructor would abort the process.
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

/// A value of the user's. A panic of its destructor does not reach the code that drops its owner.
pub(crate) struct CatchOnDrop<T>(Option<T>);

impl<T> CatchOnDrop<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    pub(crate) fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Drop for CatchOnDrop<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // The service has not run, so the panic is no failure to record; the panic hook prints it.
        let _ = catch(|| drop(value));
    }
}

/// Writes one line to the log, like `tracing`'s macro of the same level.
///
/// The subscriber is user code and may panic, for example when standard error is closed. The panic is
/// caught, so that the services are still drained. Every line names its service in a field, so it has no
/// parent span: the span of the service would name it a second time.
///
/// Callers write the first field out, as in `error = %error`: the oldest `tracing` that we allow takes no
/// short form behind `parent:`.
macro_rules! log_safely {
    ($level:ident, $($line:tt)+) => {
        let _ = $crate::panics::catch(|| {
            tracing::$level!(target: "lifecycle", parent: None, $($line)+);
        });
    };
}
pub(crate) use log_safely;

/// The text of a panic's payload.
pub(crate) fn message(payload: Box<dyn Any + Send>) -> Panic {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    // The payload's destructor is user code and may panic. The payload of that second panic is leaked,
    // because its destructor may panic in turn, without end.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(panic);
    }
    Panic(message)
}
