//! `migrator`: brings the database up to date, one replica at a time. What needs the database starts after it.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Oneshot, Result, service};
use tokio::time::sleep;
use tracing::info;

use crate::domain::store::Store;

#[service(oneshot)]
pub struct Migrator(pub Arc<Store>);

impl Oneshot for Migrator {
    /// How long it may wait for the lock is its start timeout.
    async fn run(&self, _: &Context) -> Result {
        while !self.0.try_lock().await? {
            sleep(Duration::from_millis(500)).await;
        }
        let migrated = self.0.migrate().await;
        self.0.unlock().await?;
        info!(applied = migrated?, "migrated");
        Ok(())
    }
}
