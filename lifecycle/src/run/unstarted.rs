//! Drops a service that was never started.

use std::sync::Arc;

use crate::panics;
use crate::run::plan::RegisteredService;
use crate::shape::service::{Sealed, Service};
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::run::Run;
use crate::shared::scope::within;

/// A service that was never started. Dropping this runs the service's destructor, on a thread that may
/// block. If the runtime ends before that thread gets its turn, the runtime drops it with its other tasks.
pub(crate) struct Unstarted {
    pub(crate) service: Option<Arc<dyn Service>>,
    pub(crate) cx: Context,
}

/// Drops the services of a registry that never runs, one by one. The queues among them take no more items.
pub(crate) fn let_go(
    application: &Arc<Application>,
    services: impl IntoIterator<Item = RegisteredService>,
) {
    for (index, node) in services.into_iter().enumerate() {
        let service = node.service.into_inner();
        let cx = Context::new(application.clone(), Run::new(), index);
        drop(Unstarted { service, cx });
    }
}

impl Drop for Unstarted {
    fn drop(&mut self) {
        let (service, cx) = (self.service.take(), &self.cx);
        within(cx.current(), cx.span_of_run().as_deref(), || {
            if let Some(service) = service {
                // The items that a queue has accepted count as lost.
                let _ = panics::catch(|| service.__abandon(cx, Sealed::OPEN));
                // The service has not run, so the panic is no failure to record; the panic hook prints it.
                let _ = panics::catch(|| drop(service));
            }
        });
        cx.instance().close_log(cx.run());
    }
}
