//! A stop at the moments of a timeline: no tick begins once it is asked for, the one in flight completes, and then comes the one
//! drain.

use lifecycle::__private::{First, Missed};
use lifecycle_tests::{paused, start};

use crate::instants::trace;
use crate::oracle::Case;

fn stop_at_every_moment(missed: Missed, first: First) {
    let case = Case {
        cron: "*/2 * * * * *",
        seconds: (0..30).map(|second| 2 * second).collect(),
        missed,
        first,
        initial_delay: None,
        offset: 9500,
        takes: vec![600, 3000, 0, 2000, 7000, 200],
    };
    let expected = case.starts(20);
    let ends = expected
        .iter()
        .enumerate()
        .map(|(tick, start)| start + case.takes(tick));
    let moments = expected
        .iter()
        .copied()
        .chain(ends)
        .flat_map(|at| [at.saturating_sub(1), at, at + 1]);
    // And a few on which nothing happens, where the clock is looked at, or isn't.
    for at in moments.chain([4321, 60_000, 123_456]) {
        paused(async {
            let (trace, clock) = trace(&case, 0);
            let running = start(trace.by_clock(&clock, case.missed, case.first));
            running.await_healthy().await.unwrap();
            trace.reach(at).await;
            running.stop().await.into_result().unwrap();
            let down = trace.now();
            trace.reach(at + 200_000).await;

            let context = format!("{case:?}, stop at {at}: {:?}", trace.ticks());
            assert_eq!(trace.faults(), [""; 0], "{context}");
            let starts = trace.starts();
            let before = expected.iter().filter(|start| **start < at).count();
            assert!(starts.len() >= before, "too few: {context}");
            assert!(
                starts.iter().all(|start| *start <= at),
                "too many: {context}"
            );
            let known = starts.len().min(expected.len());
            assert_eq!(starts[..known], expected[..known], "{context}");
            let last = trace.ticks().last().map_or(0, |tick| tick.end.unwrap());
            let drained = last.max(at);
            assert_eq!(trace.drains(), [drained], "{context}");
            assert_eq!(down, drained, "{context}");
        });
    }
}

#[test]
fn no_tick_begins_after_the_stop() {
    for missed in [Missed::Coalesce, Missed::Skip, Missed::Burst] {
        stop_at_every_moment(missed, First::Default);
        stop_at_every_moment(missed, First::Immediate);
    }
}

#[test]
fn a_stop_is_obeyed_at_once_long_before_the_next_time() {
    paused(async {
        let trace = lifecycle_tests::Knobs::cron("0 0 1 1 *").trace();
        let clock = lifecycle_tests::cron::clock("2026-01-01T00:00:01Z");
        let running = start(trace.by_clock(&clock, Missed::Coalesce, First::Default));
        trace.reach(86_400_017).await;
        running.stop().await.into_result().unwrap();
        assert_eq!((trace.now(), trace.starts().len()), (86_400_017, 0));
    });
}
