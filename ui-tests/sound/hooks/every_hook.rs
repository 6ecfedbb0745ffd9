#![deny(warnings)]

use std::future::{Future, ready};

use lifecycle::{
    Context, Idle, Intake, Oneshot, Queue, Result, Scheduled, Server, Worker, service,
};

#[service(idle)]
struct Tokenizer;

impl Idle for Tokenizer {
    async fn startup(&self, _: &Context) -> Result {
        Ok(())
    }

    // A future written by hand is as good.
    fn drain(&self, _: &Context) -> impl Future<Output = Result> + Send {
        ready(Ok(()))
    }
}

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn startup(&self, cx: &Context) -> Result {
        self.tick(cx).await
    }

    async fn tick(&self, _: &Context) -> Result {
        Err("an error of any kind")?
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.tick(cx).await
    }
}

#[service(queue(size = 100, interval = "1s"))]
struct Audit(Intake<String>);

impl Queue for Audit {
    type Item = String;

    fn intake(&self) -> &Intake<String> {
        &self.0
    }

    async fn startup(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn flush(&self, batch: &[String], _: &Context) -> Result {
        drop(batch.join(", "));
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(worker)]
struct Consumer;

impl Worker for Consumer {
    async fn startup(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
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

    async fn drain(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(oneshot)]
struct Migration;

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        let text = std::fs::read_to_string("/dev/null")?;
        drop(text);
        Ok(())
    }
}
