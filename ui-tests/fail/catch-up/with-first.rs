use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "1h", first = immediate, catch_up = "1d"))]
struct Report;

impl Scheduled for Report {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
