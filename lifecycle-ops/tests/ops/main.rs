//! What the package answers, and whom.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod client;
mod listener;
mod metrics;
mod orders;
mod probes;
mod security;
mod services;
