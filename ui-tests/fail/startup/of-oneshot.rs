use lifecycle::{Context, Oneshot, Result, service};

#[service(oneshot, startup(retry = "100ms..10s"))]
struct Store;

impl Oneshot for Store {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
