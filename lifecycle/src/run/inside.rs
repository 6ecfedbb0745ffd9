//! A run of an inner application, as the service sees it that the application belongs to: a registry or a group.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::report::error::{HealthError, Result};
use crate::report::reason::{Cause, Reason};
use crate::shape::service::BoxFuture;
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::reload::{self, Beside};

/// The rest of `start`: the service is ready when the application is healthy, and goes on until it is stopped.
/// It fails with the application, and reloads it.
pub(crate) async fn watch(cx: &Context, inner: &Arc<Application>) -> Result {
    // Here and not in `Service::reload`, which decorators need not forward. Before the service shows as running,
    // because from then on it may be asked to reload.
    let part = cx.run().make_reload().join();
    let goes_on = Box::pin(go_on(cx, inner));
    let reload = || -> BoxFuture<'_> { Box::pin(async { Ok(reload::reload(inner).await?) }) };
    Beside::new(cx, part, goes_on, Box::new(reload)).await
}

async fn go_on(cx: &Context, inner: &Application) -> Result {
    let stop = &cx.run().stop;
    let health = tokio::select! {
        biased;
        () = stop.closed() => return Ok(()),
        health = inner.await_healthy() => health,
    };
    match health {
        Ok(()) => cx.show_ready(),
        Err(HealthError::Stopping(_)) if is_asked(cx) => {}
        Err(HealthError::Stopping(reason)) => return Err(reason.into()),
        Err(error) => return failed(cx, inner, error),
    }
    let reason = tokio::select! {
        biased;
        () = stop.closed() => return Ok(()),
        reason = inner.request.made() => reason,
    };
    match reason {
        // It was asked by the outer application, and waits for its turn.
        _ if is_asked(cx) => {}
        // What had to be done is done. It is up until it is stopped, as a oneshot is.
        Reason::Finished => {}
        Reason::Failure(error) => return failed(cx, inner, HealthError::Service(error)),
        Reason::External => return Ok(()),
        reason => return Err(reason.into()),
    }
    stop.closed().await;
    Ok(())
}

/// The rest of `stop`: stops the application within the time of the service, and within `own`.
pub(crate) async fn stop(cx: &Context, own: Option<Duration>) -> Result {
    let Some(inner) = cx.instance().inner().filter(|inner| inner.has_begun()) else {
        return Ok(());
    };
    let reason = match cx.cause() {
        Some(Cause::Shutdown(reason)) => reason,
        Some(Cause::Failure(error)) => Reason::Failure(error),
        Some(Cause::Finished | Cause::Restart | Cause::Removed | Cause::LeaseLost) | None => {
            Reason::Requested
        }
    };
    inner.ask_to_stop(reason);
    let own = own.and_then(|limit| Instant::now().checked_add(limit));
    if let Some(end) = own.into_iter().chain(cx.run().end_of_time()).min() {
        inner.limit_time(end);
    }
    inner.stop.close();
    inner.gone.closed().await;
    match inner.verdict() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Whether the outer application was asked to stop.
fn is_asked(cx: &Context) -> bool {
    cx.application().request.reason().is_some()
}

/// The service fails with this error of its application.
fn failed(cx: &Context, inner: &Application, error: HealthError) -> Result {
    match error {
        HealthError::Service(error) => {
            if !is_asked(cx) {
                inner.record().told = Some(error.clone());
            }
            Err(error.into())
        }
        error => Err(error.into()),
    }
}
