#![deny(warnings)]

use std::future::{Future, ready};
use std::pin::Pin;

use lifecycle::{Context, Oneshot, Result, Worker, registry, service};

#[service(oneshot)]
struct Migration;

impl Oneshot for Migration {
    #[allow(clippy::manual_async_fn, refining_impl_trait)]
    fn run(&self, _: &Context) -> impl Future<Output = Result> + Send {
        ready(Ok(()))
    }
}

#[service(worker)]
struct Consumer;

impl Worker for Consumer {
    #[allow(refining_impl_trait)]
    fn run(&self, cx: &Context) -> Pin<Box<dyn Future<Output = Result> + Send>> {
        let stop = cx.stop_channel();
        Box::pin(async move {
            stop.await;
            Ok(())
        })
    }
}

pub fn main() {
    let _ = registry! { "migration" => Migration, "consumer" => Consumer, after = ["migration"] };
}
