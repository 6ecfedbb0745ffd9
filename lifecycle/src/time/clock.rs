//! Tokio's clock and timers, for `shared_timers`: its model in the package `loom` replaces this file.

pub(super) use tokio::time::{Instant, Sleep, sleep_until};
