#![deny(warnings)]

use lifecycle::{Context, Idle, Result, Scheduled, Worker, service};

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

fn main() {
    let _ = lifecycle::registry! {
        "store" => Store,
        "collector" => Collector,
        "consumer" => Consumer(3),
    };
}
