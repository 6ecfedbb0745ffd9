#![deny(warnings)]

use std::future::Future;

use lifecycle::{Closed, Context, Result, StopChannel, Worker, registry, service};

struct Serve;

impl Serve {
    fn with_graceful_shutdown<F>(self, signal: F) -> impl Future<Output = std::io::Result<()>> + Send
    where
        F: Future<Output = ()> + Send + 'static,
    {
        async move {
            signal.await;
            Ok(())
        }
    }
}

#[service(worker)]
struct Api;

impl Worker for Api {
    async fn run(&self, cx: &Context) -> Result {
        Serve
            .with_graceful_shutdown(cx.stop_channel().closed_owned())
            .await?;
        let stop: StopChannel = cx.stop_channel();
        let text = String::from("borrowed");
        let _length: Option<usize> = stop.run_until_closed(async { text.len() }).await;
        let mut closed: Closed = stop.closed_owned();
        (&mut closed).await;
        cx.stop_channel().await;
        stop.closed().await;
        Ok(())
    }
}

fn main() {
    let _ = registry! { "api" => Api };
}
