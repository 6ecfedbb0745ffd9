use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "30s", tz = "Europe/Berlin"))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
