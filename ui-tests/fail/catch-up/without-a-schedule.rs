use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(catch_up = "7d"))]
struct Report;

impl Scheduled for Report {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
