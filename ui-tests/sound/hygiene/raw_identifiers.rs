#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Context, Idle, Result, Scheduled, registry, service};

#[allow(non_camel_case_types)]
#[service(idle)]
struct r#struct;

#[service(scheduled(interval = "r#loop.r#type", initial_delay = self.r#loop.r#type, jitter = "r#match"))]
struct Collector {
    r#loop: Loop,
    r#match: Duration,
}

struct Loop {
    r#type: Duration,
}

#[service(idle)]
struct Generic<r#Use>(r#Use);

impl Idle for r#struct {}
impl<r#Use> Idle for Generic<r#Use> {}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

pub fn main() {
    let r#type = Duration::from_secs(30);
    let _ = registry! {
        deadline = r#type,
        "struct" => r#struct,
        "collector" => Collector { r#loop: Loop { r#type }, r#match: r#type }, after = ["struct"],
        "generic" => Generic(r#type),
    };
}
