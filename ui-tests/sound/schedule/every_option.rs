#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};

struct Config {
    pause: Duration,
    limit: Duration,
}

impl Config {
    fn limit(&self) -> Duration {
        self.limit
    }
}

macro_rules! scheduled {
    ($(#[$attribute:meta])* $name:ident { $($field:ident: $type:ty)? }) => {
        $(#[$attribute])*
        struct $name { $($field: $type)? }

        impl Scheduled for $name {
            async fn tick(&self, _: &Context) -> Result {
                Ok(())
            }
        }
    };
}

scheduled! { #[service(scheduled(delay = "30s"))] Delay {} }
scheduled! { #[service(scheduled(delay = "cfg.pause"))] DelayPath { cfg: Config } }
scheduled! { #[service(scheduled(delay = self.cfg.limit()))] DelayComputed { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", first = immediate))] Immediate {} }
scheduled! { #[service(scheduled(first = after_interval, interval = "30s"))] AfterInterval {} }
scheduled! { #[service(scheduled(interval = "30s", initial_delay = "5s"))] Later {} }
scheduled! { #[service(scheduled(interval = "30s", initial_delay = "cfg.pause"))] LaterPath { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", initial_delay = { self.cfg.pause }))] LaterBlock { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", jitter = "30s"))] Jitter {} }
scheduled! { #[service(scheduled(interval = "30s", jitter = "cfg.pause"))] JitterPath { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", jitter = self.cfg.pause / 2))] JitterComputed { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", missed = coalesce))] Coalesce {} }
scheduled! { #[service(scheduled(interval = "30s", missed = skip))] Skip {} }
scheduled! { #[service(scheduled(interval = "30s", missed = burst))] Burst {} }
scheduled! { #[service(scheduled(interval = "30s", missed = delay))] Moved {} }
scheduled! { #[service(scheduled(interval = "30s", tick_timeout = "5s"))] Timeout {} }
scheduled! { #[service(scheduled(interval = "30s", tick_timeout = "cfg.limit"))] TimeoutPath { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", tick_timeout = (self.cfg.limit)))] TimeoutComputed { cfg: Config } }
scheduled! { #[service(scheduled(interval = "30s", on_error = continue))] Continue {} }
scheduled! { #[service(scheduled(interval = "30s", on_error = fail))] Fail {} }
scheduled! { #[service(scheduled(interval = "30s", on_panic = continue))] Calm {} }
scheduled! { #[service(scheduled(interval = "30s", on_panic = fail, on_error = fail))] Strict {} }
scheduled! { #[service(scheduled(interval = "30s", on_error = continue, max_failures = 3))] Three {} }
