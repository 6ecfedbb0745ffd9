use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 * * * *"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
