//! What a registry shares with its handles before it is started, and the services that it declares.

use std::mem;
use std::sync::Arc;

use crate::engine::Graph;
use crate::report::reason::Reason;
use crate::run::plan::RegisteredService;
use crate::run::unstarted;
use crate::shared::application::Application;

/// Owns the application and its services until the start. Dropping it ends the waits of the handles and
/// closes the intakes of queues: there will be no run.
pub(crate) struct Preview {
    services: Vec<RegisteredService>,
    application: Arc<Application>,
    is_taken: bool,
}

impl Preview {
    pub(super) fn new(services: Vec<RegisteredService>, graph: Graph) -> Self {
        let instances = services.iter().map(RegisteredService::instance).collect();
        let application = Application::new(instances, Arc::new(graph));
        Self {
            services,
            application,
            is_taken: false,
        }
    }

    pub(super) fn application(&self) -> &Arc<Application> {
        &self.application
    }

    pub(super) fn services(&self) -> &[RegisteredService] {
        &self.services
    }

    /// The caller takes over: it must end the waits of the handles and let the services go.
    pub(super) fn take(mut self) -> (Vec<RegisteredService>, Arc<Application>) {
        self.is_taken = true;
        (mem::take(&mut self.services), self.application.clone())
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        if !self.is_taken {
            unstarted::let_go(&self.application, mem::take(&mut self.services));
            self.application.ask_to_stop(Reason::Dropped);
            self.application.end();
        }
    }
}
