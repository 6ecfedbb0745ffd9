#![deny(warnings)]

use lifecycle::{
    Context, Idle, Intake, Oneshot, Queue, Result, Scheduled, Server, Worker, registry, service,
};

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

#[service(queue(size = 100, interval = "1s"))]
struct Audit(Intake<u8>);

impl Queue for Audit {
    type Item = u8;

    fn intake(&self) -> &Intake<u8> {
        &self.0
    }

    async fn flush(&self, _: &[u8], _: &Context) -> Result {
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

#[service(server)]
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

#[service(oneshot)]
struct Migration;

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }
}

pub fn main() {
    let _ = registry! {
        "migration" => Migration,
        "tokenizer" => Tokenizer, after = ["migration"],
        "collector" => Collector, after = ["tokenizer"],
        "audit" => Audit(Intake::bounded(100)), after = ["tokenizer"],
        "api" => Api, after = ["tokenizer"],
        "consumer" => Consumer, after = ["tokenizer"],
    };
}
