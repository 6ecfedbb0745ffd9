//! `poller`: asks somebody else again and again: half a second after each answer, so that a slow partner is not asked
//! twice at once. The partner of this program is up after the third try, hangs now and then, and has bad days.
//!
//! Startup tries until the partner is there; a question that hangs is dropped; ten failures in a row would be the end.
//!
//! Try: let `first_tries` in `Partner` be 100. Ctrl-C during the tries stops the program at once all the same.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};

#[service(
    scheduled(delay = "500ms", first = immediate, tick_timeout = "1s", max_failures = 10),
    startup(retry = "100ms..10s")
)]
struct Poller {
    partner: Partner,
}

impl Scheduled for Poller {
    async fn startup(&self, _: &Context) -> Result {
        self.partner.connect()?;
        println!("connected");
        Ok(())
    }

    async fn tick(&self, cx: &Context) -> Result {
        let answer = self.partner.ask().await;
        match &answer {
            Ok(news) => println!("{}: {news}", cx.name()),
            Err(error) => println!("{}: {error}", cx.name()),
        }
        answer.map(drop)
    }
}

struct Partner {
    first_tries: u32,
    calls: AtomicU32,
}

impl Partner {
    fn connect(&self) -> Result {
        if self.calls.fetch_add(1, Relaxed) < self.first_tries {
            return Err("connection refused".into());
        }
        Ok(())
    }

    async fn ask(&self) -> Result<String> {
        match self.calls.fetch_add(1, Relaxed) % 7 {
            5 => pending().await,
            6 => Err("the partner has a bad day".into()),
            call => Ok(format!("news {call}")),
        }
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let partner = Partner {
        first_tries: 3,
        calls: AtomicU32::new(0),
    };
    registry! { "poller" => Poller { partner } }.run().await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod poller {
        use super::*;

        conformance!(Poller {
            partner: Partner {
                first_tries: 3,
                calls: AtomicU32::new(0)
            }
        });
    }
}
