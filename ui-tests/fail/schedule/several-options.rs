use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(jitter = "1m", max_failures = 0, interval = "30s", jiter = "1s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
