use std::{convert::Infallible, pin::pin, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use lifecycle::{Context, Result, Server, StopChannel, service};
use tokio::net::{TcpListener, TcpStream};

#[service(server)]
pub struct Api {
    pub address: String,
}

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind(&self.address).await?)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        loop {
            let accepted = tokio::select! {
                () = cx.stop_channel() => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => cx.spawn_isolated(converse(stream, cx.stop_channel())),
                // A client has gone again, or no descriptor is free: no reason to end the application.
                Err(error) => {
                    tracing::warn!(%error, "can't accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, stop: StopChannel) -> Result {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(5));
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = stop.closed() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello\n")))
}
