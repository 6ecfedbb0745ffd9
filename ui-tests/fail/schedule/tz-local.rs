use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 3 * * *", tz = "local"))]
struct Gc {
    limit: u64,
}

impl Scheduled for Gc {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
