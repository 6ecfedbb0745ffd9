use lifecycle::{Context, Result, Scheduled, service};

#[service(scheduled(interval = "1s"))]
struct Gc {
    rounds: u64,
}

impl Scheduled for Gc {
    async fn tick(&self, _: &Context) -> Result {
        self.rounds += 1;
        Ok(())
    }
}

fn main() {}
