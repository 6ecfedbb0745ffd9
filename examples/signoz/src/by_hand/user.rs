use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{select, time::interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Service;
use crate::domain::users::Users;

pub struct User {
    users: Arc<Users>,
    stop: CancellationToken,
    reconciled: CancellationToken,
}

impl User {
    pub fn new(users: Arc<Users>) -> Self {
        Self {
            users,
            stop: CancellationToken::new(),
            reconciled: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for User {
    async fn start(&self) -> Result {
        let mut ticker = interval(Duration::from_secs(10));
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            match self.users.reconcile_root().await {
                Ok(()) => break,
                Err(error) => warn!(%error, "trying again"),
            }
        }
        self.reconciled.cancel();
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        Ok(())
    }

    async fn healthy(&self) {
        self.reconciled.cancelled().await;
    }
}
