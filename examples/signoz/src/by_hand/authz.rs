use std::sync::Arc;

use lifecycle::{Result, async_trait};
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::domain::authz::Authz as Engine;

pub struct Authz {
    engine: Arc<Engine>,
    stop: CancellationToken,
    loaded: CancellationToken,
}

impl Authz {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            stop: CancellationToken::new(),
            loaded: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for Authz {
    async fn start(&self) -> Result {
        self.engine.load().await?;
        self.loaded.cancel();
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.engine.close();
        Ok(())
    }

    async fn healthy(&self) {
        self.loaded.cancelled().await;
    }
}
