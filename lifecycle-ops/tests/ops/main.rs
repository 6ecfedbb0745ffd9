//! What the package answers, and whom.

#![expect(clippy::unwrap_used, reason = "these are tests")]

#[cfg(any(feature = "opentelemetry", feature = "prometheus-client"))]
mod bridges;
mod client;
mod events;
mod listener;
mod metrics;
mod orders;
mod page;
mod probes;
mod security;
mod services;
#[cfg(target_os = "linux")]
mod storm;
