//! Models of the protocols by which lifecycle's threads meet: [loom](https://docs.rs/loom) runs each in every order
//! of its threads, because some faults show only in one of them.
//!
//! The code under test is the library's own. Its files are compiled here once more, with loom's locks and atomics
//! where they take theirs from `crate::sync`, and with a clock of the model where the shared timers take tokio's
//! from `time/clock`. What they use beyond that is as in the library: the counts of [`Arc`](std::sync::Arc)
//! are trusted, and each of their operations is one step.
//!
//! A model says what holds, and what was broken in the library by hand to see it turn red. CONTRIBUTING.md tells how
//! to run them, and how to add one.
#![cfg(test)]
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "no model uses all of a file"
)]

mod sync;
mod task;

#[path = "../../lifecycle/src/panics.rs"]
mod panics;

#[path = "../../lifecycle/src/report/mod.rs"]
mod report;

#[path = "../../lifecycle/src/retry.rs"]
mod retry;

#[path = "../../lifecycle/src/shared"]
mod shared {
    pub(crate) mod latch;
    pub(crate) mod orders;
    pub(crate) mod tick_facts;
    pub(crate) mod tick_history;
    pub(crate) mod trigger_calls;
}

#[path = "../../lifecycle/src/time"]
mod time {
    #[path = "../../../loom/src/clock.rs"]
    pub(crate) mod clock;
    pub(crate) mod moment;
    pub(crate) mod outlook;
    pub(crate) mod point;
    pub(crate) mod shared_timers;
}

#[path = "."]
mod models {
    mod latch;
    mod orders;
    mod shared_timers;
    mod tick_facts;
}
