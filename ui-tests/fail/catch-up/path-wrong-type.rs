use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "1h", catch_up = "window"))]
struct Report {
    window: u64,
}

impl Scheduled for Report {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
