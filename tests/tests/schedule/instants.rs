//! The instants of the ticks of every schedule, against those of the definitions.

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle_tests::{Knobs, Tick, Trace, millis, paused, start};

use crate::oracle::{Case, Walk};

const EVERY: u64 = 100;
const TICKS: usize = 30;

const MISSED: [Missed; 4] = [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay];
const FIRST: [First; 3] = [First::Default, First::Immediate, First::AfterInterval];
const DURATIONS: [&[u64]; 10] = [
    &[0],
    &[30],
    &[100],
    &[150],
    &[320],
    &[200, 0, 100],
    // One stall of a hundred intervals; off the grid, and on it.
    &[30, 10_010, 20, 150, 40, 30, 0, 0, 30, 30, 70, 320],
    &[10, 10, 10_000, 10, 10, 10],
    &[250, 10, 130, 90, 99, 100, 101, 320, 0, 199, 200, 201],
    &[99, 101, 1, 1000],
];

/// Every schedule with this jitter.
pub fn cases(jitter: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for missed in MISSED {
        for takes in DURATIONS.map(<[u64]>::to_vec) {
            let mut add = |kind, first, initial_delay| {
                cases.push(Case {
                    kind,
                    missed,
                    first,
                    every: EVERY,
                    jitter,
                    initial_delay,
                    takes: takes.clone(),
                });
            };
            for first in FIRST {
                add(ScheduleKind::Interval, first, None);
                add(ScheduleKind::Delay, first, None);
            }
            for delay in [0, 10, 1234] {
                add(ScheduleKind::Interval, First::Default, Some(delay));
                add(ScheduleKind::Delay, First::Default, Some(delay));
            }
        }
    }
    cases
}

pub fn trace(case: &Case, startup: u64) -> Trace {
    let mut knobs = Knobs::every(case.every)
        .jitter(case.jitter)
        .takes(&case.takes)
        .startup(startup);
    knobs.initial_delay = case.initial_delay.map(millis);
    knobs.trace()
}

#[test]
fn without_jitter_every_tick_begins_exactly_when_it_is_due() {
    const STARTUP: u64 = 7;
    for case in cases(0) {
        let expected: Vec<u64> = case.exact(TICKS + 1);
        let ticks = paused(async {
            let trace = trace(&case, STARTUP);
            let running = start(trace.registry(case.kind, case.missed, case.first));
            trace.reach(STARTUP + expected[TICKS] + 1).await;
            assert_eq!(trace.faults(), [""; 0], "{case:?}");
            drop(running);
            trace.ticks()
        });
        let seen = ticks.iter().map(|tick| tick.start - STARTUP);
        let seen: Vec<u64> = seen.take(TICKS + 1).collect();
        assert_eq!(seen, expected, "{case:?}");
    }
}

/// What a schedule with jitter did in one run.
fn run_with_jitter(case: &Case, seed: u64) -> Vec<Tick> {
    paused(async {
        fastrand::seed(seed);
        let trace = trace(case, 0);
        let running = start(trace.registry(case.kind, case.missed, case.first));
        trace.reach_ticks(TICKS).await;
        assert_eq!(trace.faults(), [""; 0], "{case:?}");
        drop(running);
        trace.ticks()
    })
}

#[test]
fn with_jitter_every_cycle_keeps_its_bounds() {
    for jitter in [1, 30, 99, 100] {
        for (number, case) in cases(jitter).iter().enumerate() {
            let ticks = run_with_jitter(case, number as u64);
            let mut walk = Walk::new(case);
            for (index, tick) in ticks.iter().take(TICKS).enumerate() {
                let allowed = walk.allowed();
                assert!(
                    (allowed.0..=allowed.1).contains(&tick.start),
                    "tick {index} at {} and not in {allowed:?} after {:?}: {case:?}",
                    tick.start,
                    walk.starts
                );
                walk.began(tick.start, case.takes(index));
            }
        }
    }
}

fn plain(first: First, initial_delay: Option<u64>) -> Case {
    Case {
        kind: ScheduleKind::Interval,
        missed: Missed::Coalesce,
        first,
        every: EVERY,
        jitter: 50,
        initial_delay,
        takes: vec![0],
    }
}

#[test]
fn jitter_uses_the_whole_of_its_range() {
    for (first, delay, range) in [
        (First::Default, None, (0, 50)),
        (First::Immediate, None, (0, 50)),
        (First::AfterInterval, None, (51, 100)),
        (First::Default, Some(300), (300, 350)),
    ] {
        let case = plain(first, delay);
        let runs: Vec<_> = (0..300).map(|seed| run_with_jitter(&case, seed)).collect();
        let firsts = runs.iter().map(|ticks| ticks[0].start);
        let (least, most) = (firsts.clone().min(), firsts.max());
        assert!(least.unwrap() <= range.0 + 2, "{least:?} of {range:?}");
        assert!(most.unwrap() >= range.1 - 2, "{most:?} of {range:?}");
        let cycles = runs.iter().flat_map(|ticks| {
            let pairs = ticks.windows(2);
            pairs.map(|pair| pair[1].start - pair[0].start)
        });
        let (least, most) = (cycles.clone().min(), cycles.clone().max());
        assert!(
            least.unwrap() <= 52 && most.unwrap() >= 98,
            "{least:?} to {most:?}"
        );
        let count = cycles.clone().count() as u64;
        let mean = cycles.sum::<u64>() / count;
        assert!((74..=76).contains(&mean), "{mean}");
    }
}

#[test]
fn the_same_seed_gives_the_same_instants() {
    let case = plain(First::Default, None);
    assert_eq!(run_with_jitter(&case, 5), run_with_jitter(&case, 5));
    assert_ne!(run_with_jitter(&case, 5), run_with_jitter(&case, 6));
}

#[test]
fn random_points_are_counted_from_each_other_and_not_from_late_timers() {
    paused(async {
        fastrand::seed(3);
        let case = plain(First::Default, None);
        let trace = trace(&case, 0);
        let running = start(trace.registry(case.kind, case.missed, case.first));
        let handle = running.handle();
        let mut points = Vec::new();
        for tick in 1..200 {
            trace.reach_ticks(tick).await;
            let due = handle.states()[0].ticks.as_ref().unwrap().next_due;
            points.push(trace.since_origin(due.unwrap()));
        }
        for pair in points.windows(2) {
            let cycle = pair[1].checked_sub(pair[0]).unwrap();
            assert!(millis(50) < cycle && cycle <= millis(100), "{cycle:?}");
        }
        for (point, start) in points.iter().zip(&trace.starts()[1..]) {
            let late = millis(*start).checked_sub(*point);
            assert!(
                late.is_some_and(|late| late < millis(1)),
                "{point:?} {start}"
            );
        }
    });
}
