use lifecycle::{Result, Scheduled, service};

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self) -> Result {
        Ok(())
    }
}

fn main() {}
