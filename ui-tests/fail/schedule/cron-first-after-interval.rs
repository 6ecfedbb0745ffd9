use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 3 * * *", first = after_interval))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
