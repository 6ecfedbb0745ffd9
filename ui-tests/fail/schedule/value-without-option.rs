use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "30s", immediate))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
