//! A program with more than one phase: runs after and beside each other, and handlers of its own.
//! `phases <scenario> <runtime>`, run by `tests/handlers.rs`. It prints what its services do, one line each.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it is part of a test: it talks by printing and fails by panicking"
)]

#[cfg(unix)]
mod unix;

#[cfg(unix)]
fn main() -> lifecycle::Outcome {
    unix::main()
}

#[cfg(not(unix))]
fn main() {}
