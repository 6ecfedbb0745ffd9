//! `licensing`: asks for the plan at once, and then now and then.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Result, Scheduled, service};

use crate::domain::licenses::Licenses;

#[service(scheduled(interval = "interval", first = immediate))]
pub struct Licensing {
    pub interval: Duration,
    pub licenses: Arc<Licenses>,
}

impl Scheduled for Licensing {
    async fn tick(&self, _: &Context) -> Result {
        Ok(self.licenses.validate().await?)
    }
}
