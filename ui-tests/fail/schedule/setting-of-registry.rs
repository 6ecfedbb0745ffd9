use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "5s", stop_timeout = "10s"))]
struct Gc {
    limit: u64,
}

impl Scheduled for Gc {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
