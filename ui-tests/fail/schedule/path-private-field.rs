use lifecycle::{Context, Result, Scheduled, service};

mod config {
    pub struct Config {
        interval: std::time::Duration,
    }
}

#[service(scheduled(interval = "cfg.interval"))]
struct Collector {
    cfg: config::Config,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
