use lifecycle::{Context, Result, Worker, service};

#[service(worker)]
struct Consumer<T> {
    source: T,
}

impl<T> Worker for Consumer<T> {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

fn main() {}
