use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "interval"))]
struct Collector {
    interval: Option<Duration>,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
