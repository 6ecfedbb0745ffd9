//! Random histories: services that fail, come back, are restarted by hand, contain others, and come and go, on the
//! paused clock. What is checked must hold over any history; exact instants are the business of `model`.
//!
//! A failure prints the seed of the plan, the plan, and what happened. `HISTORIES=from..to` plays other seeds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actors;
mod check;
mod plan;
mod play;
mod tape;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use self::plan::Plan;

const HISTORIES: Range<u64> = 0..1_000;

#[test]
fn whatever_comes_and_goes_every_history_is_in_order() {
    lifecycle_tests::hush();
    let mut seen = check::Seen::default();
    for seed in seeds() {
        let plan = Plan::of(seed);
        let history = play::play(&plan);
        let checked = catch_unwind(AssertUnwindSafe(|| check::check(&history)));
        match checked {
            Ok(more) => seen.add(&more),
            Err(panic) => {
                eprintln!("seed {seed}: {plan:#?}\n{history}");
                resume_unwind(panic);
            }
        }
    }
    if std::env::var_os("HISTORIES").is_none() {
        seen.enough();
    }
}

fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("HISTORIES") else {
        return HISTORIES;
    };
    let (from, to) = asked.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}
