use std::time::Duration;

use lifecycle::{Context, Result, Server, service};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

#[service(server)]
pub struct Api {
    pub address: String,
    /// How long clients may take to end after the request to stop.
    pub linger: Duration,
}

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind(&self.address).await?)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        // The service of the health protocol; add those that `tonic` has generated for you beside it.
        let (_reporter, health) = tonic_health::server::health_reporter();
        let incoming = TcpListenerStream::new(listener);
        let serving = tonic::transport::Server::builder()
            .add_service(health)
            .serve_with_incoming_shutdown(incoming, cx.stop_channel().closed_owned());
        let overdue = async {
            cx.stop_channel().closed().await;
            tokio::time::sleep(self.linger).await;
        };
        tokio::select! {
            ended = serving => ended?,
            () = overdue => {} // a client that is connected and silent would be waited for
        }
        Ok(())
    }
}
