//! What a run is started with: the services, and the registry's settings. Their graph is the application's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::engine::Graph;
use crate::engine::settings::{RegistrySettings, ServiceSettings};
use crate::panics::CatchOnDrop;
use crate::report::name::Name;
use crate::report::status::Shape;
use crate::shape::service::{Sealed, Service};
use crate::shared::application::Application;
use crate::shared::instance::Instance;
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
    pub(crate) service: CatchOnDrop<Box<dyn Service>>,
    pub(crate) settings: ServiceSettings,
}

impl RegisteredService {
    /// The state of the service that the rest of the program sees.
    pub(crate) fn instance(&self) -> Instance {
        let service = self.service.as_ref();
        let shape = service.map_or(Shape::Custom, |service| {
            service.__nature(Sealed::OPEN).shape
        });
        Instance::new(self.name.clone(), shape, self.settings.on_failure)
    }
}

/// Everything that a registry hands down when it is started.
pub(crate) struct Launch {
    pub(crate) services: Vec<RegisteredService>,
    pub(crate) application: Arc<Application>,
    pub(crate) settings: RegistrySettings,
    pub(crate) signals: bool,
    pub(crate) stop_on: Option<StopOn>,
    #[cfg(all(feature = "cron", feature = "test-util"))]
    pub(crate) wall_clock: Option<WallClock>,
}
