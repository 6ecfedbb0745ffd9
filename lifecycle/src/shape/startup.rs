//! The start of a service of any shape: once, or again and again until it succeeds, and only as long as the service is
//! not asked to stop.
//!
//! Nothing here is generic over the service, so rustc compiles it once for all services of a program.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use tokio::time::sleep;

use crate::report::error::{self, BoxError, FailedAttempts, Result};
use crate::report::event::EventKind;
use crate::report::status::Shape;
use crate::retry::Retry;
use crate::shared::context::Context;
use crate::shared::latch::Closed;

/// One attempt to start up.
pub(super) type Attempt<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What the service came up with, or `None` if it was asked to stop before. A stop request drops a startup in flight:
/// its owner drops it then.
pub(super) struct UnlessStopped<'a, T> {
    startup: Pin<&'a mut (dyn Future<Output = Result<T>> + Send + 'a)>,
    stopped: Closed<'a>,
}

impl<'a, T> UnlessStopped<'a, T> {
    pub(super) fn new(
        cx: &'a Context,
        startup: Pin<&'a mut (dyn Future<Output = Result<T>> + Send + 'a)>,
    ) -> Self {
        Self {
            startup,
            stopped: cx.run().stop.closed(),
        }
    }
}

impl<T> Future for UnlessStopped<'_, T> {
    type Output = Result<Option<T>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        if self.stopped.is_closed() {
            return Poll::Ready(Ok(None));
        }
        // Most startups are ready at the first poll; those never register with the stop channel.
        if let Poll::Ready(started) = self.startup.as_mut().poll(task) {
            return Poll::Ready(started.map(Some));
        }
        Pin::new(&mut self.stopped).poll(task).map(|()| Ok(None))
    }
}

/// Starts the service up, and again after each failure, with the waits that its attribute asks for. Boxed, so that
/// services without retries don't carry the larger future.
pub(super) fn with_retries<'a, T: 'a>(
    shape: Shape,
    retry: Option<Retry>,
    cx: &'a Context,
    attempt: Box<dyn Fn() -> Attempt<'a, T> + Send + 'a>,
) -> Attempt<'a, T> {
    Box::pin(async move {
        let shown = Shown(cx);
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Ok(started) => return Ok(started),
                Err(error) => error,
            };
            let Some(retry) = retry.filter(|_| !is_the_stop(cx, &error)) else {
                return Err(error);
            };
            let attempts = FailedAttempts::after(shape, failures, error);
            failures = attempts.count();
            let wait = retry.wait_after(failures);
            tell(cx, failures, wait, &attempts);
            shown.0.run().set_failed_attempts(attempts);
            sleep(wait).await;
        }
    })
}

/// Whether the startup failed only because the application is stopping. Another attempt would fail in the same way.
fn is_the_stop(cx: &Context, error: &BoxError) -> bool {
    cx.application().request.reason().is_some() && cx.application().is_the_stop(error)
}

fn tell(cx: &Context, failures: u32, wait: Duration, attempts: &FailedAttempts) {
    let error = error::chain(attempts.last().as_ref()).into();
    cx.tell(EventKind::StartupFailed {
        failures,
        wait,
        error,
    });
}

/// Clears the failed attempts from the service's status when it is dropped.
struct Shown<'a>(&'a Context);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        drop(self.0.run().take_failed_attempts());
    }
}
