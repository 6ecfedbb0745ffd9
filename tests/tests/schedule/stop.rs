//! A stop at every moment of a timeline: no tick begins once it is asked for, the one in flight completes, and then comes the one
//! drain.

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::registry;
use lifecycle_tests::schedule::{Coalesce, Default, Interval};
use lifecycle_tests::{Journal, Knobs, hangs, millis, paused, start, takes};

use crate::instants::trace;
use crate::oracle::Case;

fn stop_at_every_millisecond(kind: ScheduleKind, missed: Missed, first: First, until: u64) {
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
                stop_at_every_millisecond(ScheduleKind::Interval, Missed::$missed, first, 160);
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
        stop_at_every_millisecond(ScheduleKind::Delay, Missed::Coalesce, first, 200);
    }
}

#[test]
fn no_tick_begins_after_the_stop_of_a_schedule_with_jitter() {
    let case = Case {
        kind: ScheduleKind::Interval,
        missed: Missed::Coalesce,
        first: First::Default,
        every: 10,
        jitter: 7,
        initial_delay: None,
        takes: vec![3, 15, 0, 1],
    };
    // The same seed gives the same timeline, up to the stop.
    let run = |stop: u64| {
        paused(async {
            fastrand::seed(11);
            let trace = trace(&case, 0);
            let running = start(trace.registry(case.kind, case.missed, case.first));
            running.await_healthy().await.unwrap();
            trace.reach(stop).await;
            running.stop().await.into_result().unwrap();
            trace.reach(1000).await;
            assert_eq!(trace.faults(), [""; 0], "stop at {stop}");
            assert_eq!(trace.drains().len(), 1);
            trace.starts()
        })
    };
    let whole = run(200);
    for stop in 0..200 {
        let starts = run(stop);
        assert_eq!(starts, whole[..starts.len()], "stop at {stop}");
        let before = whole.iter().filter(|start| **start < stop).count();
        assert!(starts.len() >= before, "stop at {stop}: {starts:?}");
        assert!(
            starts.iter().all(|start| *start <= stop),
            "stop at {stop}: {starts:?}"
        );
    }
}

#[test]
fn ticks_go_on_and_can_be_asked_for_while_the_dependents_stop() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let journal = Journal::new();
        let running = start(registry! {
            "probe" => trace.probe::<(Interval, Coalesce, Default)>(),
            "api" => journal.script().drain(takes(millis(350))).idle(), after = ["probe"],
        });
        let handle = running.handle();
        trace.reach(150).await;
        let stop = tokio::spawn(running.stop());
        trace.reach(450).await;
        handle.trigger("probe").await.unwrap();
        stop.await.unwrap().into_result().unwrap();
        trace.reach(1000).await;
        assert_eq!(trace.starts()[..5], [100, 200, 300, 400, 450]);
        assert!(trace.starts()[5..].iter().all(|start| *start == 500));
        assert_eq!(trace.drains(), [500]);
        assert_eq!(trace.faults(), [""; 0]);
    });
}

#[test]
fn a_tick_that_hangs_is_dropped_by_its_own_timeout_during_the_stop_too() {
    paused(async {
        let trace = Knobs::every(100).tick_timeout(50).does([hangs()]).trace();
        let running = start(trace.alone::<(Interval, Coalesce, Default)>());
        trace.reach(120).await;
        let outcome = running.stop().await;
        assert_eq!(trace.now(), 150);
        assert_eq!((trace.starts(), trace.drains()), (vec![100], vec![150]));
        outcome.into_result().unwrap();
    });
}
