use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{select, time::interval};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Service;
use crate::domain::licenses::Licenses;

pub struct Licensing {
    interval: Duration,
    licenses: Arc<Licenses>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl Licensing {
    pub fn new(interval: Duration, licenses: Arc<Licenses>) -> Self {
        Self {
            interval,
            licenses,
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for Licensing {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let mut ticker = interval(self.interval);
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.licenses.validate().await {
                error!(%error, "the license was not checked");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(())
    }
}
