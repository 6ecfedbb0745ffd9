//! A stop at every moment of a timeline: no tick begins once it is asked for, the one in flight completes, and then comes the one
//! drain.

use lifecycle::__private::{First, Kind, Missed};
use lifecycle_tests::{paused, start};

use crate::instants::trace;
use crate::oracle::Case;

fn stop_at_every_millisecond(kind: Kind, missed: Missed, first: First, until: u64) {
    let case = Case {
        kind,
        missed,
        first,
        every: 10,
        jitter: 0,
        initial_delay: None,
        takes: vec![3, 15, 0, 10, 42, 1, 1],
    };
    let expected = case.exact(60);
    for at in 0..until {
        paused(async {
            let trace = trace(&case, 0);
            let running = start(trace.registry(case.kind, case.missed, case.first));
            running.await_healthy().await.unwrap();
            trace.reach(at).await;
            let outcome = running.stop().await;
            let down = trace.now();
            outcome.into_result().unwrap();
            trace.reach(until + 200).await;

            let context = format!("{case:?}, stop at {at}: {:?}", trace.ticks());
            assert_eq!(trace.faults(), [""; 0], "{context}");
            let starts = trace.starts();
            let before = expected.iter().filter(|start| **start < at).count();
            assert!(starts.len() >= before, "too few: {context}");
            assert_eq!(starts, expected[..starts.len()], "{context}");
            assert!(
                starts.iter().all(|start| *start <= at),
                "too many: {context}"
            );
            for (index, tick) in trace.ticks().iter().enumerate() {
                let end = tick.start + case.takes(index);
                assert_eq!(tick.end, Some(end), "completes: {context}");
            }
            let last = trace.ticks().last().and_then(|tick| tick.end);
            let drained = last.unwrap_or_default().max(at);
            assert_eq!(
                trace.drains(),
                [drained],
                "drains once, after it: {context}"
            );
            assert_eq!(down, drained, "{context}");
        });
    }
}

macro_rules! every_missed {
    ($($name:ident: $missed:ident;)*) => {$(
        #[test]
        fn $name() {
            for first in [First::Default, First::Immediate, First::AfterInterval] {
                stop_at_every_millisecond(Kind::Interval, Missed::$missed, first, 160);
            }
        }
    )*};
}

every_missed! {
    no_tick_begins_after_the_stop_under_coalesce: Coalesce;
    no_tick_begins_after_the_stop_under_skip: Skip;
    no_tick_begins_after_the_stop_under_burst: Burst;
    no_tick_begins_after_the_stop_under_delay: Delay;
}

#[test]
fn no_tick_begins_after_the_stop_of_a_schedule_with_delays() {
    for first in [First::Default, First::Immediate, First::AfterInterval] {
        stop_at_every_millisecond(Kind::Delay, Missed::Coalesce, first, 200);
    }
}
