//! Schedules by cron expression: when ticks begin by the wall clock, what becomes of times that are missed, and of clocks that
//! are changed. On a paused clock, whose instants are exact.
#![cfg(feature = "cron")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod clocks;
mod fields;
mod instants;
mod oracle;
mod stop;
