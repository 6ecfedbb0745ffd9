use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

struct Config {
    interval: Duration,
}

#[service(scheduled(interval = config.interval))]
struct Collector {
    config: Config,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
