//! `nightly`: a job at a time of the day, where its users live. It needs the feature `cron`.
//!
//! Expression and zone come from the command line, as they would from the configuration; by default 03:00 in Berlin. An
//! hour that the clocks leave out in spring does not leave out the job.
//!
//! Try: `cargo run --bin nightly "*/5 * * * * *"`, every five seconds. Then `"0 25 * * *"`, or a zone that doesn't exist:
//! the program ends before it begins, and says why.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::env;

use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};

struct Config {
    cron: String,
    tz: String,
}

#[service(scheduled(cron = "cfg.cron", tz = "cfg.tz", missed = skip, tick_timeout = "1h"))]
struct Nightly {
    cfg: Config,
}

impl Scheduled for Nightly {
    async fn startup(&self, _: &Context) -> Result {
        println!("at {} in {}", self.cfg.cron, self.cfg.tz);
        Ok(())
    }

    async fn tick(&self, _: &Context) -> Result {
        println!("the books of the day are closed");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let mut args = env::args().skip(1);
    let mut next = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let cfg = Config {
        cron: next("0 3 * * *"),
        tz: next("Europe/Berlin"),
    };
    registry! { "nightly" => Nightly { cfg } }.run().await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod nightly {
        use super::*;

        conformance!(Nightly {
            cfg: Config {
                cron: "0 3 * * *".to_owned(),
                tz: "UTC".to_owned()
            }
        });
    }
}
