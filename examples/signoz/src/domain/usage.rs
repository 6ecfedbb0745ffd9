//! What was used, uploaded once a day.

use std::sync::Arc;

use super::{
    cloud::Cloud,
    meters::{MeterError, report},
    store::Store,
};

pub struct Usage {
    store: Arc<Store>,
    cloud: Arc<dyn Cloud>,
}

impl Usage {
    pub fn new(store: Arc<Store>, cloud: Arc<dyn Cloud>) -> Self {
        Self { store, cloud }
    }

    pub async fn upload(&self) -> Result<(), MeterError> {
        report(&self.store, &*self.cloud, "uploaded", "/usage").await
    }
}
