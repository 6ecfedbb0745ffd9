use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

struct Config {
    interval: Duration,
    retries: u32,
}

#[service(scheduled(interval = "confg.interval"))]
struct Collector {
    cfg: Config,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
