use lifecycle::{Context, Idle, Result, Service, async_trait, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

#[async_trait]
impl Service for Store {
    async fn start(&self, _: &Context) -> Result {
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
