use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "0 3 30 2 *"))]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
