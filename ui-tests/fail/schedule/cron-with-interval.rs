use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "30s", cron = "0 3 * * *"))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
