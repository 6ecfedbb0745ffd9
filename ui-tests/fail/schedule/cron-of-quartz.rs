use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 0 3 ? * 2-6"))]
struct Gc {
    limit: u64,
}

impl Scheduled for Gc {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
