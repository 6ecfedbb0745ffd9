//! A program with more than one phase: runs after and beside each other, and handlers of its own.
//! `phases <scenario> <runtime>`, run by `tests/handlers.rs`. It prints what its services do, one line each.

#[cfg(unix)]
mod unix;

#[cfg(unix)]
fn main() -> lifecycle::Outcome {
    unix::main()
}

#[cfg(not(unix))]
fn main() {}
