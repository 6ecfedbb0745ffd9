//! `pprof`: what the process is doing. That its port is taken is no reason not to run: it waits for it.

use lifecycle::{Context, Result, Server, service};
use tokio::net::TcpListener;

use crate::domain::profile;

#[service(server, startup(retry = "100ms..5s"))]
pub struct Pprof {
    pub listen: String,
}

impl Server for Pprof {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind(&self.listen).await?)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let server = axum::serve(listener, profile::routes());
        let stop = cx.stop_channel().closed_owned();
        Ok(server.with_graceful_shutdown(stop).await?)
    }
}
