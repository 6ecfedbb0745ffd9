use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "CRON_TZ=Europe/Berlin 0 3 * * *"))]
struct Gc {
    limit: u64,
}

impl Scheduled for Gc {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
