//! A service that was never started, on its way out.

use std::sync::Arc;

use crate::panics;
use crate::run::plan::Node;
use crate::shape::service::{Sealed, Service};
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::run::Run;
use crate::shared::scope::within;

/// Its last code runs where this is dropped: on a thread where it holds up nobody, or, with a runtime that
/// ends before that thread had its turn, with the rest of the runtime.
pub(crate) struct Unstarted {
    pub(crate) service: Option<Box<dyn Service>>,
    pub(crate) cx: Context,
}

/// Drops the services of a registry that does not run, one by one. A queue among them takes no more items.
pub(crate) fn let_go(application: &Arc<Application>, services: impl IntoIterator<Item = Node>) {
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
                // What a queue has accepted is lost, and counted.
                let _ = panics::catch(|| service.__abandon(cx, Sealed::OPEN));
                // Nothing was promised to it, so its destructor is all there is to contain.
                let _ = panics::catch(|| drop(service));
            }
        });
        cx.instance().close_log(cx.run());
    }
}
