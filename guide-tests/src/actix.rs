use std::net::TcpListener;

use actix_web::{App, HttpServer, web};
use lifecycle::{Context, Result, Server, service};

#[service(server)]
pub struct Api {
    pub address: String,
}

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        Ok(TcpListener::bind(&self.address)?)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let server = HttpServer::new(|| App::new().route("/hello", web::get().to(hello)))
            .disable_signals() // the registry listens
            .shutdown_timeout(5) // seconds; the service has three quarters of its `stop_timeout`
            .listen(listener)?
            .run();
        let (handle, stop) = (server.handle(), cx.stop_channel());
        cx.spawn(async move {
            stop.closed().await;
            handle.stop(true).await; // true: answers the requests that it has
            Ok(())
        });
        Ok(server.await?)
    }
}

async fn hello() -> &'static str {
    "hello\n"
}
