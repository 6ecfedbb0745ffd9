//! An observability server in small: events come in over HTTP, rules look at them, organizations are alerted, collectors are told
//! their configuration, and everything has an end that loses nothing.
//!
//! Try `cargo run -p signoz`, the requests in `examples/signoz/README.md`, and Ctrl-C in the middle of them.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use lifecycle::{Outcome, Result};
use signoz::{application, config::Config};

#[tokio::main]
async fn main() -> Result<Outcome> {
    let config = Config::load(env::args_os().nth(1))?;
    if config.log {
        tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .init();
    }
    Ok(application::assemble(&config)?.run().await)
}
