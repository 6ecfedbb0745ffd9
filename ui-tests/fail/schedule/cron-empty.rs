use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = ""))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
