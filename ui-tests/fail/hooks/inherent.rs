use lifecycle::{Context, Result, service};

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
