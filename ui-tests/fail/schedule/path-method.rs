use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "every"))]
struct Collector;

impl Collector {
    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
