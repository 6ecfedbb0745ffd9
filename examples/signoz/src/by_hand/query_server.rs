use std::sync::{Arc, OnceLock};

use axum::Router;
use lifecycle::{Result, async_trait};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Service, health, registry::Registry};

pub struct QueryServer {
    listen: String,
    routes: Router,
    registry: OnceLock<Arc<Registry>>,
    stop: CancellationToken,
    bound: CancellationToken,
    done: CancellationToken,
}

impl QueryServer {
    pub fn new(listen: String, routes: Router) -> Self {
        Self {
            listen,
            routes,
            registry: OnceLock::new(),
            stop: CancellationToken::new(),
            bound: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    pub fn show(&self, registry: Arc<Registry>) {
        self.registry.get_or_init(|| registry);
    }
}

#[async_trait]
impl Service for QueryServer {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let listener = TcpListener::bind(&self.listen).await?;
        info!(address = %listener.local_addr()?, "api listens");
        self.bound.cancel();
        let mut routes = self.routes.clone();
        if let Some(registry) = self.registry.get() {
            routes = routes.merge(health::routes(registry.clone()));
        }
        let stop = self.stop.clone().cancelled_owned();
        let server = axum::serve(listener, routes);
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
