//! Schedules: when ticks begin, what ends them, who may ask for one, and what can be seen of it all. On a paused clock, whose
//! instants are exact.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod askers;
mod circles;
mod facts;
mod instants;
mod oracle;
mod reloads;
mod rules;
mod stop;
mod timers;
mod trigger;
