use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 24 * * *", tz = "Europe/Berln", missed = delay))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
