//! What a registry has in common with its handles before it is started.

use std::sync::Arc;

use super::{Plan, Planned, RegistryError};
use crate::report::reason::Reason;
use crate::report::status::Shape;
use crate::shape::service::Sealed;
use crate::shared::application::Core;
use crate::shared::instance::Cell;

/// Dropping it tells whoever waits that there will be no run.
#[derive(Debug)]
pub(crate) struct Preview {
    core: Arc<Core>,
    is_taken: bool,
}

impl Preview {
    /// Of what is no registry nothing is shown; its start tells why.
    pub(super) fn new(plan: &Result<Plan, RegistryError>) -> Self {
        let services = plan.as_ref().map_or(&[][..], |plan| &plan.services);
        let core = Core::new(services.iter().map(cell).collect());
        Self {
            core,
            is_taken: false,
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// It is up to the caller now to tell.
    pub(crate) fn take(mut self) -> Arc<Core> {
        self.is_taken = true;
        self.core.clone()
    }
}

fn cell(planned: &Planned) -> Cell {
    Cell::new(
        planned.name.clone(),
        planned.service.as_ref().map_or(Shape::Custom, |service| {
            service.__nature(Sealed::OPEN).shape
        }),
        planned.terms.on_failure,
    )
}

impl Drop for Preview {
    fn drop(&mut self) {
        if !self.is_taken {
            self.core.ask_to_stop(Reason::Dropped);
            self.core.end();
        }
    }
}
