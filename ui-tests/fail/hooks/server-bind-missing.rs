use lifecycle::{Context, Result, Server, service};

#[service(server)]
struct Api;

impl Server for Api {
    type Bound = ();

    async fn serve(&self, (): (), cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

fn main() {}
