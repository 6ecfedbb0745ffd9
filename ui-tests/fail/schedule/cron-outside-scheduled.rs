use lifecycle::{Context, Result, Scheduled, service};

#[service(cron = "0 3 * * *")]
struct Nightly;

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
