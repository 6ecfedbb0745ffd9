#![deny(warnings)]

use lifecycle::{Context, Idle, Result, Scheduled, Server, Worker, service};

#[service(idle, startup(retry = "100ms..10s"))]
struct Store;

impl Idle for Store {}

#[service(startup(retry = "1s..1m 30s"), scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(worker, startup(retry = "1s .. 1s",))]
struct Consumer<T>(T);

impl<T: Send + Sync> Worker for Consumer<T> {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[service(server, startup(retry = "100ms..10s"))]
struct Api;

impl Server for Api {
    type Bound = std::net::TcpListener;

    async fn bind(&self, _: &Context) -> Result<Self::Bound> {
        Ok(std::net::TcpListener::bind("127.0.0.1:0")?)
    }

    async fn serve(&self, listener: Self::Bound, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        drop(listener);
        Ok(())
    }
}

pub fn main() {
    let _ = lifecycle::registry! {
        "store" => Store,
        "collector" => Collector,
        "api" => Api,
        "consumer" => Consumer(3),
    };
}
