use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

struct Config {
    interval: Duration,
}

#[service(scheduled(interval = "PT5S"))]
struct Collector {
    cfg: Config,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
