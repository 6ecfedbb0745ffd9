use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(delay = "30s", missed = skip))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
