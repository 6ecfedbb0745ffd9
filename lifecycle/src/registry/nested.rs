//! A registry as a service of another one.
//!
//! Each start makes a run of the same services, in an application that the instance of the service shows (see
//! [`inner`](crate::shared::inner)). Its supervisor is that of every other registry, in a task that belongs
//! to the service. So it is cut with the service, and the stop of the outer registry leaves nothing of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Registry, target};
use crate::engine::settings::RegistrySettings;
use crate::panics::log_safely;
use crate::report::error::{HealthError, Result, StartError};
use crate::report::name::Name;
use crate::report::reason::{Cause, Reason};
use crate::report::registry_error::RegistryProblem;
use crate::report::status::Shape;
use crate::run::plan::{Launch, StopOn};
use crate::run::running;
use crate::shape::service::{Inner, Nature, Sealed, Service, TaskNeed};
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::reload;

/// A registry is a service: its services start, run and stop as one of the outer registry.
#[async_trait]
#[diagnostic::do_not_recommend]
impl Service for Registry {
    async fn start(&self, cx: &Context) -> Result {
        cx.take_shape(Shape::Registry, true);
        let RegistrySettings {
            deadline,
            shutdown_delay,
            ..
        } = self.settings;
        if let Some(problem) = RegistryProblem::of(deadline, shutdown_delay) {
            return Err(StartError::Registry(problem.into()).into());
        }
        let inner = self.begin_within(cx);
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
            Err(error) => return failed(cx, &inner, error),
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
            Reason::Failure(error) => return failed(cx, &inner, HealthError::Service(error)),
            Reason::External => return Ok(()),
            reason => return Err(reason.into()),
        }
        stop.closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        let Some(inner) = cx.instance().inner().filter(|inner| inner.has_begun()) else {
            return Ok(());
        };
        let reason = match cx.cause() {
            Some(Cause::Shutdown(reason)) => reason,
            Some(Cause::Failure(error)) => Reason::Failure(error),
            Some(Cause::Finished | Cause::Restart) | None => Reason::Requested,
        };
        inner.ask_to_stop(reason);
        let own = self.settings.written_deadline;
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

    /// Reloads its services, as if they were those of the outer registry.
    async fn reload(&self, cx: &Context) -> Result {
        match cx.instance().inner() {
            Some(inner) => Ok(reload::reload(&inner).await?),
            None => Ok(()),
        }
    }

    fn __nature(&self, _: Sealed) -> Nature {
        Nature {
            shape: Shape::Registry,
            task_need: TaskNeed::Always,
            is_disabled: false,
            in_background: false,
        }
    }

    fn __inner(&self, path: &Name, _: Sealed) -> Option<Inner> {
        Some(Inner(self.preview.application_within(path)))
    }

    fn __abandon(&self, cx: &Context, _: Sealed) {
        if let Some(inner) = cx.instance().inner() {
            self.preview.abandon(&inner);
        }
    }
}

impl Registry {
    /// Starts the services as those of this service.
    fn begin_within(&self, cx: &Context) -> Arc<Application> {
        let path = Name::from(cx.name().to_owned());
        let mut services = self.preview.services_within(&path);
        let graph = &self.preview.application().graph;
        let names = self.preview.names();
        let problems = target::narrow(&mut services, &names, graph, self.only.as_deref());
        let shown = cx.instance().inner();
        let inner = match shown.filter(|inner| !inner.has_begun()) {
            Some(inner) => inner,
            None => self.preview.application_within(&path),
        };
        cx.application().show_inner(cx.service(), &inner);
        if !self.settings.shutdown_delay.is_zero() {
            log_safely!(
                warn,
                service = cx.name(),
                "the `shutdown_delay` of a registry that is a service is left out: that of the outer registry counts"
            );
        }
        let launch = Launch {
            services,
            application: inner.clone(),
            problems,
            settings: RegistrySettings {
                // Its time begins with its turn to stop, and is limited then.
                deadline: Duration::MAX,
                shutdown_delay: Duration::ZERO,
                ..self.settings
            },
            signals: false,
            stop_on: self.stop_on.for_a_run(),
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: self.wall_clock.clone(),
        };
        drop(running::begin(launch, Some(cx)));
        inner
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

/// The future of `stop_on`. A run as a service borrows it, because another run may follow.
#[derive(Clone, Default)]
pub(super) struct SharedStopOn(Option<Arc<Mutex<Option<StopOn>>>>);

impl SharedStopOn {
    pub(super) fn new(future: StopOn) -> Self {
        Self(Some(Arc::new(Mutex::new(Some(future)))))
    }

    /// For the only run.
    pub(super) fn into_future(self) -> Option<StopOn> {
        let future = self.0?;
        let mut future = future.lock().unwrap_or_else(PoisonError::into_inner);
        future.take()
    }

    fn for_a_run(&self) -> Option<StopOn> {
        let future = self.0.clone()?;
        Some(Box::pin(Borrowed(future)))
    }
}

/// Ready when the shared future is, or was in an earlier run.
struct Borrowed(Arc<Mutex<Option<StopOn>>>);

impl Future for Borrowed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(future) = &mut *shared else {
            return Poll::Ready(());
        };
        let polled = future.as_mut().poll(task);
        if polled.is_ready() {
            *shared = None;
        }
        polled
    }
}
