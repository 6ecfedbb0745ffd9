//! The server of one organization: a member of the group `servers`. It writes down what it has told, so that a restart does not tell it
//! again.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Result, Scheduled, service};

use crate::domain::alerts::Receiver;

#[service(scheduled(interval = "maintenance"))]
pub struct AlertmanagerServer {
    pub maintenance: Duration,
    pub receiver: Arc<Receiver>,
}

impl Scheduled for AlertmanagerServer {
    async fn startup(&self, _: &Context) -> Result {
        Ok(self.receiver.load().await?)
    }

    async fn tick(&self, _: &Context) -> Result {
        Ok(self.receiver.snapshot().await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(self.receiver.snapshot().await?)
    }
}
