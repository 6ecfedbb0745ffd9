//! `scheduled`: something to do every now and then, and once more at the end. The interval comes from the configuration:
//! the attribute names the field.
//!
//! The third tick takes longer than two intervals. The ticks it missed become one, at once; then the old rhythm goes on.
//!
//! Try: Ctrl-C during the long tick. It finishes, no further one begins, and `drain` writes what is left.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};
use tokio::time::sleep;

struct Config {
    interval: Duration,
}

#[service(scheduled(interval = "cfg.interval"))]
struct Report {
    cfg: Config,
    begun: Instant,
    ticks: AtomicU32,
}

impl Report {
    fn write(&self, what: &str) {
        println!("{:4.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }
}

impl Scheduled for Report {
    async fn tick(&self, cx: &Context) -> Result {
        match self.ticks.fetch_add(1, Relaxed) + 1 {
            3 => {
                self.write("a tick that takes long ..");
                sleep(self.cfg.interval.mul_f64(2.5)).await;
                self.write(".. is done");
            }
            4 => self.write("a tick, late"),
            8 => cx.shutdown(),
            _ => self.write("a tick"),
        }
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.write("the rest is written");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let cfg = Config {
        interval: Duration::from_secs(1),
    };
    registry! { "report" => Report { cfg, begun: Instant::now(), ticks: AtomicU32::new(0) } }
        .run()
        .await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod report {
        use super::*;

        conformance!(Report {
            cfg: Config {
                interval: Duration::from_secs(1)
            },
            begun: Instant::now(),
            ticks: AtomicU32::new(0),
        });
    }
}
