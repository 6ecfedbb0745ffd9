use lifecycle::{Context, Result, Scheduled, registry, service};

#[service(scheduled(interval = "1h"))]
struct Report;

impl Scheduled for Report {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn main() {
    let _ = registry! {
        "report" => Report, catch_up = "1d",
    };
}
