use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0,15,61 3 * * MON-FRI"))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
