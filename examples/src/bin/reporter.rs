//! `reporter`: counts what happens and reports it, at moments that are not those of every other machine: the first
//! report within the jitter, each later one up to that much before the interval is over. What was counted since the last
//! report goes out with the last flush.
//!
//! Try: start it three times. No two of them report at the same moment for long.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};

struct Config {
    interval: Duration,
    jitter: Duration,
}

#[service(scheduled(interval = "cfg.interval", jitter = "cfg.jitter"))]
struct Reporter {
    cfg: Config,
    begun: Instant,
    requests: Arc<AtomicU64>,
}

impl Reporter {
    fn report(&self) {
        let count = self.requests.swap(0, Relaxed);
        println!(
            "{:4.1} s  {count} requests",
            self.begun.elapsed().as_secs_f64()
        );
    }
}

impl Scheduled for Reporter {
    async fn tick(&self, _: &Context) -> Result {
        self.report();
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.report();
        Ok(())
    }
}

/// Stands in for whatever is counted.
#[service(scheduled(interval = "10ms"))]
struct Traffic(Arc<AtomicU64>);

impl Scheduled for Traffic {
    async fn tick(&self, _: &Context) -> Result {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let requests = Arc::new(AtomicU64::new(0));
    let cfg = Config {
        interval: Duration::from_secs(2),
        jitter: Duration::from_secs(1),
    };
    registry! {
        "reporter" => Reporter { cfg, begun: Instant::now(), requests: requests.clone() },
        "traffic" => Traffic(requests), after = ["reporter"],
    }
    .run()
    .await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod reporter {
        use super::*;

        conformance!(Reporter {
            cfg: Config {
                interval: Duration::from_secs(2),
                jitter: Duration::from_secs(1)
            },
            begun: Instant::now(),
            requests: Arc::default(),
        });
    }

    mod traffic {
        use super::*;

        conformance!(Traffic(Arc::default()));
    }
}
