use lifecycle::{Context, Worker, service};

#[service(worker)]
struct Feed;

impl Worker for Feed {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

fn main() {}
