use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "1h", catch_up = "1d", catch_up = "2d"))]
struct Report;

impl Scheduled for Report {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
