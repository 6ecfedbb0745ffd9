use lifecycle::{Result, async_trait};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::domain::profile;

pub struct Pprof {
    listen: String,
    stop: CancellationToken,
    bound: CancellationToken,
    done: CancellationToken,
}

impl Pprof {
    pub fn new(listen: String) -> Self {
        Self {
            listen,
            stop: CancellationToken::new(),
            bound: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for Pprof {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let listener = TcpListener::bind(&self.listen).await?;
        self.bound.cancel();
        let server = axum::serve(listener, profile::routes());
        let stop = self.stop.clone().cancelled_owned();
        Ok(server.with_graceful_shutdown(stop).await?)
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(())
    }

    async fn healthy(&self) {
        self.bound.cancelled().await;
    }
}
