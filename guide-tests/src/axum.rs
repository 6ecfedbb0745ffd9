use axum::Router;
use lifecycle::{Context, Result, Server, service};
use tokio::net::TcpListener;

#[service(server)]
pub struct Api {
    pub address: String,
    pub routes: Router,
}

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind(&self.address).await?)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        axum::serve(listener, self.routes.clone())
            .with_graceful_shutdown(cx.stop_channel().closed_owned())
            .await?;
        Ok(())
    }
}
