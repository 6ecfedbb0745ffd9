use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "30s", tick_timeout = self.limit))]
struct Collector {
    limit: u32,
}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
