#![deny(warnings)]

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

const MINUTE: Duration = Duration::from_secs(60);

struct Config {
    gc: Gc,
}

struct Gc {
    r#type: Duration,
    interval: Duration,
}

impl Config {
    fn interval(&self) -> Duration {
        self.gc.interval
    }
}

macro_rules! scheduled {
    ($(#[$attribute:meta])* $name:ident $body:tt $($end:tt)?) => {
        $(#[$attribute])*
        struct $name $body $($end)?

        impl Scheduled for $name {
            async fn tick(&self, _: &Context) -> Result {
                Ok(())
            }
        }
    };
}

scheduled! { #[service(scheduled(interval = "1h 30m"))] Literal {} }
scheduled! { #[service(scheduled(interval = "1.5h"))] Fraction {} }
scheduled! { #[service(scheduled(interval = "every"))] Field { every: Duration } }
scheduled! { #[service(scheduled(interval = "cfg.gc.interval"))] Path { cfg: Config } }
scheduled! { #[service(scheduled(interval = "cfg.gc.r#type"))] Keyword { cfg: Config } }
scheduled! { #[service(scheduled(interval = "cfg.gc.interval"))] Shared { cfg: Arc<Config> } }
scheduled! { #[service(scheduled(interval = "every"))] Reference { every: &'static Duration } }
scheduled! { #[service(scheduled(interval = r"30s"))] RawString {} }
scheduled! { #[service(scheduled(interval = self.0))] Tuple (Duration); }
scheduled! { #[service(scheduled(interval = self.cfg.interval() * 2))] Method { cfg: Config } }
scheduled! { #[service(scheduled(interval = MINUTE))] Constant {} }
scheduled! { #[service(scheduled(interval = Duration::from_secs(30)))] Call {} }
scheduled! { #[service(scheduled(interval = { let every = self.every; every.max(MINUTE) }))] Block { every: Duration } }
scheduled! { #[service(scheduled(interval = if self.fast { MINUTE / 60 } else { MINUTE }))] Choice { fast: bool } }
// The body of a function would end a statement behind the braces.
scheduled! { #[service(scheduled(interval = if self.fast { 1 } else { 60 } * MINUTE))] Twice { fast: bool } }
scheduled! { #[service(scheduled(interval = match self.fast { true => MINUTE, false => 60 * MINUTE }.max(MINUTE)))] Most { fast: bool } }
