//! `analytics`: others track, and what was tracked is sent now and then, and the rest at the end. (There the client library has a
//! loop of its own.)

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Result, Scheduled, service};

use crate::domain::analytics::Analytics as Client;

#[service(scheduled(interval = "interval"))]
pub struct Analytics {
    pub interval: Duration,
    pub client: Arc<Client>,
}

impl Scheduled for Analytics {
    async fn tick(&self, _: &Context) -> Result {
        Ok(self.client.flush().await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(self.client.flush().await?)
    }
}
