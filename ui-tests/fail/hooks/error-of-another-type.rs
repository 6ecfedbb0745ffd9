use lifecycle::{Context, Scheduled, service};

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {}
