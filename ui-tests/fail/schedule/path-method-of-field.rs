use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

struct Config {
    interval: Duration,
    retries: u32,
}

#[service(scheduled(interval = "cfg.every"))]
struct Collector {
    cfg: Config,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Config {
    fn every(&self) -> Duration {
        self.interval
    }
}

fn main() {}
