//! `api`: the API over HTTP, with the probes.

use axum::Router;
use lifecycle::{Context, Result, Server, service};
use tokio::net::TcpListener;
use tracing::info;

use super::health;

#[service(server)]
pub struct QueryServer {
    pub listen: String,
    pub routes: Router,
}

impl Server for QueryServer {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let listener = TcpListener::bind(&self.listen).await?;
        info!(address = %listener.local_addr()?, "api listens");
        Ok(listener)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let routes = self.routes.clone().merge(health::routes(cx.handle()));
        let stop = cx.stop_channel().closed_owned();
        let server = axum::serve(listener, routes);
        Ok(server.with_graceful_shutdown(stop).await?)
    }
}
