use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 3 * * *", tz = "zone"))]
struct Nightly {
    zone: i8,
}

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
