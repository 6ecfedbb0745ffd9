//! Each service on the paused clock, the conventions of the registry, what is by hand, how many lines it is, and the program as a process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod by_hand;
mod cloud;
mod conformance;
mod lines;
#[cfg(unix)]
mod process;
mod registry;
mod services;
