//! `alertmanager`: looks now and then which organizations there are, and gives each its server.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Entry, Group, OnFailure, Result, Scheduled, service};

use super::alertmanager_server::AlertmanagerServer;
use crate::domain::alerts::Receivers;

#[service(scheduled(interval = "poll"))]
pub struct Alertmanager {
    pub poll: Duration,
    pub maintenance: Duration,
    pub receivers: Arc<Receivers>,
    pub servers: Group<String>,
}

impl Alertmanager {
    async fn sync(&self) -> Result {
        let changes = self.receivers.changes().await?;
        for organization in changes.gone {
            self.receivers.remove(&organization);
            self.servers.remove(&organization).await.into_result()?;
        }
        for (organization, receiver) in changes.new {
            let server = Entry::new(AlertmanagerServer {
                maintenance: self.maintenance,
                receiver: receiver.clone(),
            });
            let server = server.on_failure(OnFailure::Ignore);
            self.servers.add(organization.clone(), server).await?;
            self.receivers.insert(&organization, receiver);
        }
        Ok(())
    }
}

impl Scheduled for Alertmanager {
    async fn startup(&self, _: &Context) -> Result {
        self.sync().await
    }

    async fn tick(&self, _: &Context) -> Result {
        self.sync().await
    }
}
