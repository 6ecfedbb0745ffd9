use std::rc::Rc;

use lifecycle::{Context, Result, Scheduled, service};
async fn wait() {}

#[service(scheduled(interval = "30s"))]
struct Collector;

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        let shared = Rc::new(1);
        wait().await;
        drop(shared);
        Ok(())
    }
}

fn main() {}
