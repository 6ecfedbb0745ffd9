//! What a run is started with: the services, and the registry's settings. Their graph is the application's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Graph;
use crate::engine::settings::{RegistrySettings, ServiceSettings};
use crate::panics::CatchOnDrop;
use crate::report::name::Name;
use crate::report::registry_error::RegistryProblem;
use crate::report::status::Shape;
use crate::run::members::MemberCalls;
use crate::shape::service::{Inner, Sealed, Service};
use crate::shared::application::Application;
use crate::shared::instance::Instance;
use crate::store::{Leases, Memory};
#[cfg(all(feature = "cron", feature = "test-util"))]
use crate::time::WallClock;

/// A future that asks the application to stop when it resolves.
pub(crate) type StopOn = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The services of a registry, checked, with their dependencies.
pub(crate) struct ServiceSet {
    pub(crate) services: Vec<RegisteredService>,
    pub(crate) graph: Graph,
}

pub(crate) struct RegisteredService {
    pub(crate) name: Name,
    pub(crate) service: CatchOnDrop<Arc<dyn Service>>,
    pub(crate) settings: ServiceSettings,
    /// Whether it starts before and stops after every service without this.
    pub(crate) before_all: bool,
}

impl RegisteredService {
    /// Whether its value is `None`: no replica can run it.
    pub(crate) fn is_none(&self) -> bool {
        let service = self.service.as_ref();
        service.is_some_and(|service| service.__nature(Sealed::OPEN).is_disabled)
    }

    /// The state of the service that the rest of the program sees.
    pub(crate) fn instance(&self) -> Instance {
        match self.service.as_ref() {
            Some(service) => instance_of(self.name.clone(), &**service, &self.settings),
            None => Instance::new(
                self.name.clone(),
                Shape::Custom,
                self.settings.on_failure,
                None,
            ),
        }
    }
}

/// The state of a service under this name.
pub(crate) fn instance_of(
    name: Name,
    service: &dyn Service,
    settings: &ServiceSettings,
) -> Instance {
    let shape = service.__nature(Sealed::OPEN).shape;
    let inner = service.__inner(&name, Sealed::OPEN);
    let instance = Instance::new(name, shape, settings.on_failure, settings.start_limit());
    if let Some(Inner(inner)) = inner {
        instance.set_inner(inner);
    }
    instance
}

/// What the replicas of an application share.
#[derive(Clone, Default)]
pub(crate) struct Stores {
    pub(crate) leases: Option<Arc<dyn Leases>>,
    /// As it is set, if it is.
    pub(crate) lease_term: Option<Duration>,
    /// Where schedules are remembered, if not by the store of the leases, or where those of the registry around it are.
    pub(crate) memory: Option<Arc<dyn Memory>>,
}

/// Everything that a registry hands down when it is started.
pub(crate) struct Launch {
    pub(crate) services: Vec<RegisteredService>,
    pub(crate) application: Arc<Application>,
    /// What is wrong with them: then nothing is started.
    pub(crate) problems: Vec<RegistryProblem>,
    pub(crate) settings: RegistrySettings,
    pub(crate) signals: bool,
    pub(crate) stop_on: Option<StopOn>,
    pub(crate) stores: Stores,
    /// The requests for members, if the services are those of a group.
    pub(crate) members: Option<MemberCalls>,
    #[cfg(all(feature = "cron", feature = "test-util"))]
    pub(crate) wall_clock: Option<WallClock>,
}
