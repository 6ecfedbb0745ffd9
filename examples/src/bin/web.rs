//! `web`: a server of axum. `bind` opens the port, so that "running" means reachable; axum accepts, and ends when the stop
//! channel closes: it takes no more requests and answers those it has.
//!
//! Try: `curl localhost:8008/hello/world`, and Ctrl-C while `curl localhost:8008/slow` waits: it gets its answer. Start it
//! twice: the second waits for the port, and says so. `web 127.0.0.1:0` takes a free one.

#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{env, time::Duration};

use axum::{Router, extract::Path, routing::get};
use lifecycle::{Context, Outcome, Result, Server, registry, service};
use tokio::{net::TcpListener, time::sleep};

/// The port may still be held by the process before.
#[service(server, startup(retry = "100ms..5s"))]
struct Web {
    address: String,
    routes: Router,
}

impl Server for Web {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let listener = TcpListener::bind(&self.address).await?;
        println!("listening on {}", listener.local_addr()?);
        Ok(listener)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        axum::serve(listener, self.routes.clone())
            .with_graceful_shutdown(cx.stop_channel().closed_owned())
            .await?;
        Ok(())
    }
}

fn routes() -> Router {
    Router::new()
        .route(
            "/hello/{name}",
            get(async |Path(name): Path<String>| format!("hello, {name}\n")),
        )
        .route(
            "/slow",
            get(async || {
                println!("somebody waits");
                sleep(Duration::from_secs(1)).await;
                "done\n"
            }),
        )
}

#[tokio::main]
async fn main() -> Outcome {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let address = env::args().nth(1);
    let web = Web {
        address: address.unwrap_or_else(|| "127.0.0.1:8008".to_owned()),
        routes: routes(),
    };
    // Connections without a request are closed at once; a request that takes longer than this makes `web` late.
    registry! { "web" => web, stop_timeout = "8s" }.run().await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod web {
        use super::*;

        conformance!(Web {
            address: "127.0.0.1:0".to_owned(),
            routes: routes()
        });
    }
}
