use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Service;
use crate::domain::analytics::Analytics as Client;

pub struct Analytics {
    interval: Duration,
    client: Arc<Client>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl Analytics {
    pub fn new(interval: Duration, client: Arc<Client>) -> Self {
        Self {
            interval,
            client,
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for Analytics {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let mut ticker = interval_at(Instant::now() + self.interval, self.interval);
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.client.flush().await {
                error!(%error, "not sent");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(self.client.flush().await?)
    }
}
