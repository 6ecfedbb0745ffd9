//! What a registry shares with its handles before it is started.

use std::sync::Arc;

use crate::report::reason::Reason;
use crate::report::status::Shape;
use crate::run::plan::{Node, Plan};
use crate::shape::service::Sealed;
use crate::shared::application::Application;
use crate::shared::instance::Instance;

/// Owns the application until the start. Dropping it ends the waits of the handles: there will be no run.
#[derive(Debug)]
pub(crate) struct Preview {
    application: Arc<Application>,
    is_taken: bool,
}

impl Preview {
    pub(super) fn new(plan: &Plan) -> Self {
        let application = Application::new(plan.services.iter().map(instance).collect());
        Self {
            application,
            is_taken: false,
        }
    }

    pub(super) fn application(&self) -> &Arc<Application> {
        &self.application
    }

    /// The caller takes over: it must end the waits of the handles.
    pub(crate) fn take(mut self) -> Arc<Application> {
        self.is_taken = true;
        self.application.clone()
    }
}

fn instance(node: &Node) -> Instance {
    Instance::new(
        node.name.clone(),
        node.service.as_ref().map_or(Shape::Custom, |service| {
            service.__nature(Sealed::OPEN).shape
        }),
        node.settings.on_failure,
    )
}

impl Drop for Preview {
    fn drop(&mut self) {
        if !self.is_taken {
            self.application.ask_to_stop(Reason::Dropped);
            self.application.end();
        }
    }
}
