//! Random applications on the paused clock, each run checked against what must hold of every run.
//!
//! A failure prints the smallest plan that shows it, as text: add it to `replayed.txt`, and it is played first from then on.

mod check;
mod choose;
mod plan;
mod record;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use self::plan::{Plan, read};

const CASES: u32 = 4_000;

/// Of those with long deadlines, which take longer.
const HUNG_CASES: u32 = 500;

thread_local! {
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

/// The panics of the services are planned, and those of the checks are told at the end: neither is to fill the screen.
fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !PLAYING.get() {
                loud(panic);
            }
        }));
    });
}

/// Plays the plan and checks what came of it; says what does not hold.
fn holds(plan: &Plan) -> Result<(), String> {
    PLAYING.set(true);
    let checked = catch_unwind(AssertUnwindSafe(|| check::check(plan, &record::play(plan))));
    PLAYING.set(false);
    checked.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref().cloned())
            .unwrap_or_default()
    })
}

/// Threads that play at once, each its own part of the cases.
const PARTS: u32 = 4;

/// The same cases everywhere, so that a red build is red on every machine; others with `PROPTEST_CASES` and `PROPTEST_RNG_SEED`.
fn config(cases: u32, part: u32) -> Config {
    let asked = Config::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => asked.cases,
        None => cases,
    };
    let seed = match asked.rng_seed {
        RngSeed::Random => 1,
        RngSeed::Fixed(seed) => seed,
    };
    Config {
        cases: cases.div_ceil(PARTS),
        rng_seed: RngSeed::Fixed(seed.wrapping_add(u64::from(part))),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..asked
    }
}

fn all_hold<P: Strategy<Value = Plan>>(plans: fn() -> P, cases: u32) {
    hush();
    let play = |part| {
        let mut runner = TestRunner::new(config(cases, part));
        let ended = runner.run(&plans(), |plan| holds(&plan).map_err(TestCaseError::fail));
        ended.map_err(|error| error.to_string())
    };
    let broken: Vec<String> = thread::scope(|threads| {
        let parts: Vec<_> = (0..PARTS)
            .map(|part| threads.spawn(move || play(part)))
            .collect();
        let ended = parts.into_iter().map(|part| part.join().unwrap());
        ended.filter_map(Result::err).collect()
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn whatever_the_services_do_every_run_is_in_order() {
    all_hold(choose::plans, CASES);
}

#[test]
fn whatever_hangs_above_it_a_service_has_its_share_of_the_deadline() {
    all_hold(choose::hung_plans, HUNG_CASES);
}

#[test]
fn a_plan_is_written_as_it_is_read() {
    for text in replayed() {
        assert_eq!(read(&text).to_string(), text);
    }
}

#[test]
fn what_once_failed_holds() {
    hush();
    for text in replayed() {
        if let Err(broken) = holds(&read(&text)) {
            panic!("{broken}\n{text}");
        }
    }
}

/// The plans of `replayed.txt`, with an empty line between two.
fn replayed() -> Vec<String> {
    let plans = include_str!("replayed.txt").split("\n\n");
    plans.map(|plan| format!("{}\n", plan.trim())).collect()
}
