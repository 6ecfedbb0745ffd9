//! What every replica does: it tells the others that it is there.

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

use crate::database::Database;
use crate::settings::Settings;

/// Says so every now and then.
#[service(scheduled(interval = "every", first = immediate))]
pub struct Presence {
    every: Duration,
    name: String,
    database: Database,
}

impl Presence {
    pub fn new(settings: &Settings, database: &Database) -> Self {
        Self {
            every: settings.presence,
            name: settings.name.clone(),
            database: database.clone(),
        }
    }
}

impl Scheduled for Presence {
    async fn tick(&self, _: &Context) -> Result {
        let here = "insert into fleet.presence values ($1, now())
            on conflict (replica) do update set seen = excluded.seen";
        let client = self.database.client().await?;
        client.execute(here, &[&self.name]).await?;
        Ok(())
    }

    /// It is not there any more.
    async fn drain(&self, _: &Context) -> Result {
        let client = self.database.client().await?;
        client
            .execute(
                "delete from fleet.presence where replica = $1",
                &[&self.name],
            )
            .await?;
        Ok(())
    }
}
