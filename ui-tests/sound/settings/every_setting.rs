#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Idle, Registry, registry, service};

#[service(idle)]
struct Store;

impl Idle for Store {}

struct Config {
    limit: Duration,
}

impl Config {
    fn limit(&self) -> Duration {
        self.limit
    }
}

pub fn main() {
    let cfg = Config {
        limit: Duration::from_secs(5),
    };
    let registry: Registry = registry! {
        deadline = "1m 30s",
        shutdown_delay = "0s",
        on_hangup = reload,

        "store" => Store,
        "log" => Store, before = all, on_late = ignore,
        "metrics" => (cfg.limit > Duration::ZERO).then_some(Store),
        "cache" => Store, start_timeout = cfg.limit,
        "api" => Store,
            after = ["store",],
            wants = ["cache"],
            start_timeout = "250ms",
            stop_timeout = cfg.limit() * 2,
            on_failure = restart(backoff = "100ms..30s", max = 3, reset = cfg.limit, then = ignore),
            restart_with = ["store"],
        "probe" => Store, on_failure = shutdown, after = ["api", "cache"], wants = []
    };
    let _ = registry;

    let deadline = cfg.limit;
    let stop_timeout = if deadline == cfg.limit {
        deadline
    } else {
        Duration::ZERO
    };
    let _ = registry! { deadline = deadline, "store" => Store, stop_timeout = stop_timeout };
}
