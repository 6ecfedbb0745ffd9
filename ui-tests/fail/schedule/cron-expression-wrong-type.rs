use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = self.0))]
struct Nightly(u32);

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
