use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "crom"))]
struct Nightly {
    cron: String,
}

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
