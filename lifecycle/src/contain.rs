//! Panics of user code, turned into values.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use crate::error::Fault;

/// Polls user code; a panic becomes a fault. After one the future must not be polled again, only
/// dropped.
// Unwind safety: what a hook leaves half-done is the service's own, and the service has failed.
pub(crate) fn poll<F: Future + ?Sized>(
    future: Pin<&mut F>,
    task: &mut Task<'_>,
) -> Poll<Result<F::Output, Fault>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(task))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(fault(panic))),
    }
}

/// Runs user code that is not a future: a constructor of one, a destructor.
pub(crate) fn call<T>(code: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(code)).map_err(fault)
}

/// Writes to the log of the library itself. What takes the lines is user code, and may panic when there
/// is nowhere to write to: the services have a right to be drained all the same.
pub(crate) fn say(line: impl FnOnce()) {
    let _ = call(line);
}

/// The fault that a panic's payload tells of.
pub(crate) fn fault(payload: Box<dyn Any + Send>) -> Fault {
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
    Fault::Panic(message)
}
