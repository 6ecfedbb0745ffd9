use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "0s", jiter = "1s"), retries = 3, crate = "lifecycle")]
enum Collector {
    Fast(Duration),
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {
    lifecycle::registry! { "collector" => Collector::Fast(Duration::ZERO) };
}
