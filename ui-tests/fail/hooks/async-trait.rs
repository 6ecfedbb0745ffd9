use lifecycle::{Context, Result, Scheduled, async_trait, service};

#[service(scheduled(interval = "30s"))]
struct Collector;

#[async_trait]
impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
