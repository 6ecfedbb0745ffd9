//! The smallest program: one service, run until Ctrl-C.
//!
//! Try: Ctrl-C between two hellos. Then write `"0s"` for `"1s"` and read what the compiler says.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use lifecycle::{Context, Outcome, Result, Scheduled, registry, service};

#[service(scheduled(interval = "1s"))]
struct Hello;

impl Scheduled for Hello {
    async fn tick(&self, _: &Context) -> Result {
        println!("hello");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    registry! { "hello" => Hello }.run().await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod hello {
        use super::*;

        conformance!(Hello);
    }
}
