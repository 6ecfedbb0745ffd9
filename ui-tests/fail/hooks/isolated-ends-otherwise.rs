use lifecycle::{Context, Result, Worker, service};

#[service(worker)]
struct Consumer;

impl Worker for Consumer {
    async fn run(&self, cx: &Context) -> Result {
        cx.spawn_isolated(answer());
        cx.stop_channel().closed().await;
        Ok(())
    }
}

async fn answer() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
