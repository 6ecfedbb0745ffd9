//! Queues: when a batch is flushed, what becomes of it when that fails, and that no item is lost unseen.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod batches;
mod endings;
mod limits;
mod producers;
mod status;
mod stop;
mod tried;
