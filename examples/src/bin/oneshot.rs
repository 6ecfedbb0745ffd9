//! `oneshot`: work that is expected to finish. What depends on it starts when it has succeeded; when every service has
//! finished, so has the program.
//!
//! Try: let `Migrate` return `Err("no such table".into())`. Neither of the others runs; the exit code is 1.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::time::Duration;

use lifecycle::{Context, Oneshot, Outcome, Result, registry, service};
use tokio::time::sleep;

#[service(oneshot)]
struct Migrate;

impl Oneshot for Migrate {
    async fn run(&self, cx: &Context) -> Result {
        println!("{}: one moment", cx.name());
        sleep(Duration::from_secs(1)).await;
        println!("{}: done", cx.name());
        Ok(())
    }
}

/// Two of these run at the same time.
#[service(oneshot)]
struct Seed(&'static [&'static str]);

impl Oneshot for Seed {
    async fn run(&self, cx: &Context) -> Result {
        for row in self.0 {
            println!("{}: {row}", cx.name());
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    registry! {
        "migrate" => Migrate,
        "users" => Seed(&["root", "guest"]), after = ["migrate"],
        "roles" => Seed(&["reader", "writer"]), after = ["migrate"],
    }
    .run()
    .await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod migrate {
        use super::*;

        conformance!(Migrate);
    }

    mod seed {
        use super::*;

        conformance!(Seed(&["root", "guest"]));
    }
}
