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

use super::{Registry, target};
use crate::engine::settings::RegistrySettings;
use crate::panics::log_safely;
use crate::report::error::{Result, StartError};
use crate::report::name::Name;
use crate::report::registry_error::RegistryProblem;
use crate::report::status::Shape;
use crate::run::inside;
use crate::run::plan::{Launch, StopOn};
use crate::run::running;
use crate::shape::service::{Inner, Nature, Sealed, Service, TaskNeed};
use crate::shared::application::Application;
use crate::shared::context::Context;

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
        inside::watch(cx, &inner).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        inside::stop(cx, self.settings.written_deadline).await
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
            stores: self.stores.clone(),
            members: None,
            #[cfg(all(feature = "cron", feature = "test-util"))]
            wall_clock: self.wall_clock.clone(),
        };
        drop(running::begin(launch, Some(cx)));
        inner
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
