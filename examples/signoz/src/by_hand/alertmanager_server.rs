use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Service;
use crate::domain::alerts::Receiver;

pub struct AlertmanagerServer {
    maintenance: Duration,
    receiver: Arc<Receiver>,
    stop: CancellationToken,
    loaded: CancellationToken,
    done: CancellationToken,
}

impl AlertmanagerServer {
    pub fn new(maintenance: Duration, receiver: Arc<Receiver>) -> Self {
        Self {
            maintenance,
            receiver,
            stop: CancellationToken::new(),
            loaded: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for AlertmanagerServer {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        self.receiver.load().await?;
        self.loaded.cancel();
        let mut ticker = interval_at(Instant::now() + self.maintenance, self.maintenance);
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.receiver.snapshot().await {
                error!(%error, "no snapshot");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(self.receiver.snapshot().await?)
    }

    async fn healthy(&self) {
        self.loaded.cancelled().await;
    }
}
