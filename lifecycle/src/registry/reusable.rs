//! The services of a registry that is a service itself: it may be started again, so it keeps them.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use crate::engine::Graph;
use crate::panics;
use crate::shape::service::Service;

/// Dropping it drops the services, dependents first, as a stop does. A panic of a destructor goes on to the
/// owner when all are dropped: it is a failure of the service that the registry is.
pub(super) struct Reusable {
    services: Vec<Option<Arc<dyn Service>>>,
    /// The indexes of the services, dependents first.
    order: Vec<usize>,
}

impl Reusable {
    pub(super) fn new(services: Vec<Option<Arc<dyn Service>>>, graph: &Graph) -> Self {
        let order = graph.stop_order(services.len());
        Self { services, order }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Arc<dyn Service>> {
        self.services.get(index)?.as_ref()
    }
}

impl Drop for Reusable {
    fn drop(&mut self) {
        let services = &mut self.services;
        let dropped = panics::drop_each(self.order.iter().map(|&index| services[index].take()));
        if let Err(panic) = dropped {
            if !thread::panicking() {
                resume_unwind(panic);
            }
        }
    }
}
