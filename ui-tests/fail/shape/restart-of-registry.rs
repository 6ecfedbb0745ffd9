use lifecycle::{Context, Result, Worker, service};

#[service(worker, restart(max = 3))]
struct Feed;

impl Worker for Feed {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

fn main() {}
