use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "cron"))]
struct Nightly {
    cron: Option<String>,
}

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
