use std::net::TcpListener;

use axum::Router;
use lifecycle::{Context, Result, Server, registry, service};

#[service(server)]
struct Api {
    socket: TcpListener,
    routes: Router,
}

impl Server for Api {
    type Bound = tokio::net::TcpListener;

    async fn bind(&self, _: &Context) -> Result<Self::Bound> {
        let socket = self.socket.try_clone()?;
        socket.set_nonblocking(true)?;
        Ok(tokio::net::TcpListener::from_std(socket)?)
    }

    async fn serve(&self, listener: Self::Bound, cx: &Context) -> Result {
        axum::serve(listener, self.routes.clone())
            .with_graceful_shutdown(cx.stop_channel().closed_owned())
            .await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<lifecycle::Outcome> {
    let socket = match listenfd::ListenFd::from_env().take_tcp_listener(0)? {
        Some(passed) => passed,
        None => TcpListener::bind("127.0.0.1:8080")?, // not started by systemd
    };
    let routes = Router::new();
    Ok(registry! { "api" => Api { socket, routes } }.run().await)
}
