use std::sync::Arc;

use lifecycle::{Result, async_trait};
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::domain::analytics::Analytics as Client;

pub struct Analytics {
    client: Arc<Client>,
    stop: CancellationToken,
}

impl Analytics {
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            stop: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for Analytics {
    async fn start(&self) -> Result {
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        Ok(self.client.flush().await?)
    }
}
