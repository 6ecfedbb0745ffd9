//! What a registry shares with its handles before it is started, and the services that it declares.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::reusable::Reusable;
use crate::engine::Graph;
use crate::panics::CatchOnDrop;
use crate::report::name::Name;
use crate::report::reason::Reason;
use crate::run::plan::{RegisteredService, instance_of};
use crate::run::unstarted;
use crate::shape::service::Sealed;
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::run::Run;

/// Owns the application and its services until the start. Dropping it ends the waits of the handles and
/// closes the intakes of queues: there will be no run.
pub(crate) struct Preview {
    /// The values are taken out when the registry is started as a service.
    services: Mutex<Vec<RegisteredService>>,
    /// The values since the registry was started as a service.
    reusable: OnceLock<Reusable>,
    application: Arc<Application>,
    is_taken: bool,
}

impl Preview {
    pub(super) fn new(services: Vec<RegisteredService>, graph: Graph) -> Self {
        let instances = services.iter().map(RegisteredService::instance).collect();
        let application = Application::new(instances, Arc::new(graph));
        Self {
            services: Mutex::new(services),
            reusable: OnceLock::new(),
            application,
            is_taken: false,
        }
    }

    pub(super) fn application(&self) -> &Arc<Application> {
        &self.application
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let services = self.services();
        services.iter().map(|node| node.name.clone()).collect()
    }

    /// The caller takes over: it must end the waits of the handles and let the services go.
    pub(super) fn take(mut self) -> (Vec<RegisteredService>, Arc<Application>) {
        self.is_taken = true;
        let services = std::mem::take(&mut *self.services());
        (services, self.application.clone())
    }

    /// A new application for the same services, as those of the service with this name.
    pub(super) fn application_within(&self, path: &Name) -> Arc<Application> {
        let services = self.services();
        let reusable = self.reusable.get();
        let graph = self.application.graph.clone();
        let instances = services.iter().enumerate().filter_map(|(index, node)| {
            let service = match reusable {
                Some(reusable) => &**reusable.get(index)?,
                None => &**node.service.as_ref()?,
            };
            Some(instance_of(node.name.within(path), service, &node.settings))
        });
        let application = Application::new(instances.collect(), graph);
        application.is_run_of(&self.application);
        application
    }

    /// The services for a run as a service of another registry. The values stay here, so another run may
    /// follow.
    pub(super) fn services_within(&self, path: &Name) -> Vec<RegisteredService> {
        let mut services = self.services();
        let reusable = self.reusable.get_or_init(|| {
            let values = services.iter_mut().map(|node| node.service.take());
            Reusable::new(values.collect(), &self.application.graph)
        });
        let nodes = services.iter().enumerate().filter_map(|(index, node)| {
            let service = reusable.get(index)?.clone();
            Some(RegisteredService {
                name: node.name.within(path),
                service: CatchOnDrop::new(service),
                settings: node.settings,
                before_all: node.before_all,
            })
        });
        nodes.collect()
    }

    /// The registry is a service that will not be started: nor will its services.
    pub(super) fn abandon(&self, application: &Arc<Application>) {
        let services = self.services();
        for (index, node) in services.iter().enumerate() {
            let cx = Context::new(application.clone(), Run::new(), index);
            if let Some(service) = node.service.as_ref() {
                service.__abandon(&cx, Sealed::OPEN);
            } else if let Some(service) = self.reusable.get().and_then(|all| all.get(index)) {
                service.__abandon(&cx, Sealed::OPEN);
            }
        }
    }

    fn services(&self) -> MutexGuard<'_, Vec<RegisteredService>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        if !self.is_taken {
            let services = std::mem::take(&mut *self.services());
            unstarted::let_go(&self.application, services);
            self.application.ask_to_stop(Reason::Dropped);
            self.application.end();
        }
    }
}
