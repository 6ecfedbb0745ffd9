//! Tokio's clock and timers, for the file whose model brings its own in their place.

pub(super) use tokio::time::{Instant, Sleep, sleep_until};
