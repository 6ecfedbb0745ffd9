#![deny(warnings)]

use std::time::Duration;

use lifecycle::{Context, Intake, Queue, Result, registry, service};

struct Config {
    size: usize,
    patience: Duration,
}

macro_rules! queue {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        struct $name {
            events: Intake<u8>,
            cfg: Config,
        }

        impl Queue for $name {
            type Item = u8;

            fn intake(&self) -> &Intake<u8> {
                &self.events
            }

            async fn flush(&self, _: &[u8], _: &Context) -> Result {
                Ok(())
            }
        }
    };
}

queue! { #[service(queue(size = 100, interval = "1s"))] Literals }
queue! { #[service(queue(interval = "cfg.patience", size = "cfg.size"))] Paths }
queue! { #[service(queue(size = self.cfg.size * 2, interval = self.cfg.patience))] Computed }
queue! { #[service(queue(size = 1usize, interval = "1s", retry = "50ms..5s", attempts = 8))] Attempts }
queue! { #[service(queue(size = 1, interval = "1s", attempts_used_up = fail))] Failing }
queue! { #[service(queue(size = 1, interval = "1s", attempts = 3, attempts_used_up = drop))] Dropping }
queue! { #[service(queue(size = 1, interval = "1s", flush_timeout = "5s"))] Timeout }
queue! { #[service(queue(size = 1, interval = "1s", flush_timeout = "cfg.patience"))] TimeoutPath }
queue! { #[service(queue(size = 1, interval = "1s", flush_timeout = self.cfg.patience * 2))] TimeoutComputed }
queue! { #[service(queue(size = 1, interval = "1s", overflow = wait))] Waiting }
queue! { #[service(queue(size = 1, interval = "1s", overflow = drop_oldest))] Overflowing }
queue! { #[service(startup(retry = "1s..1s"), queue(size = 100, interval = "1s"))] Startup }

pub fn main() {
    let events = Intake::bounded(10);
    let cfg = Config {
        size: 1,
        patience: Duration::from_secs(1),
    };
    let _ = registry! { "audit" => Paths { events: events.clone(), cfg } };
}
