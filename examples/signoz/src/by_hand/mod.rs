//! The same services by hand, as a code base without the library writes them: each with a stop channel of its own, a loop in `start`,
//! and a `stop` that closes the channel, waits for the loop and flushes. They are compiled, and some are run by the tests; the application
//! is made of those in `services`.
//!
//! What a reader must check in each of them: that `stop` waits for the loop before it flushes, that it does not wait for a `start` that was
//! never called, that whatever `start` returns by opens what `stop` waits for, and that nobody starts one twice.

use lifecycle::{Result, async_trait};

pub mod alertmanager;
pub mod alertmanager_server;
pub mod analytics;
pub mod auditor;
pub mod authz;
pub mod batcher;
pub mod health;
pub mod instrumentation;
pub mod licensing;
pub mod meter_reporter;
pub mod migrator;
pub mod opamp;
pub mod pprof;
pub mod query_server;
pub mod registry;
pub mod rule_task;
pub mod ruler;
pub mod stats_reporter;
pub mod tokenizer;
pub mod tokenizer_jwt;
pub mod tokenizer_opaque;
pub mod usage;
pub mod user;

/// The convention: `start` blocks until it is over, `stop` makes it return and is called once, `healthy` resolves when the service is up.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    async fn start(&self) -> Result;
    async fn stop(&self) -> Result;
    async fn healthy(&self) {}
}
