use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(cron = "cfg.cron()"))]
struct Nightly {
    cfg: String,
}

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {}
