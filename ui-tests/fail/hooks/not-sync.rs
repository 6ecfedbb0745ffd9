use std::cell::Cell;

use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "30s"))]
struct Collector {
    count: Cell<u32>,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
