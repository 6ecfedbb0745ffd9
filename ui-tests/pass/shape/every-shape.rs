#![deny(warnings)]

use lifecycle::{Context, Idle, Oneshot, Result, Scheduled, Worker, registry, service};

#[service(idle)]
struct Tokenizer;

impl Idle for Tokenizer {}

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(worker)]
struct Consumer;

impl Worker for Consumer {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[service(oneshot)]
struct Migration;

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {
    let _ = registry! {
        "migration" => Migration,
        "tokenizer" => Tokenizer, after = ["migration"],
        "collector" => Collector, after = ["tokenizer"],
        "consumer" => Consumer, after = ["tokenizer"],
    };
}
