use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Service;
use crate::domain::store::{Store, StoreError};

pub struct Migrator {
    lock_wait: Duration,
    store: Arc<Store>,
    stop: CancellationToken,
    migrated: CancellationToken,
}

impl Migrator {
    pub fn new(lock_wait: Duration, store: Arc<Store>) -> Self {
        Self {
            lock_wait,
            store,
            stop: CancellationToken::new(),
            migrated: CancellationToken::new(),
        }
    }

    async fn lock(&self) -> Result<(), StoreError> {
        while !self.store.try_lock().await? {
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Service for Migrator {
    async fn start(&self) -> Result {
        select! {
            () = self.stop.cancelled() => return Ok(()),
            locked = timeout(self.lock_wait, self.lock()) => locked??,
        }
        let migrated = self.store.migrate().await;
        self.store.unlock().await?;
        info!(applied = migrated?, "migrated");
        self.migrated.cancel();
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        Ok(())
    }

    async fn healthy(&self) {
        self.migrated.cancelled().await;
    }
}
