use lifecycle::{Context, Result, Server, service};

#[service(server)]
struct Api;

impl Server for Api {
    async fn bind(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn serve(&self, (): (), cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

fn main() {}
