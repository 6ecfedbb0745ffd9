//! What the fields of the service and the errors of its ticks mean: a changed interval, timeouts, failures, schedules that can't
//! be followed.

use std::time::Duration;

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{Fault, HealthError, OptionError, Phase, State};
use lifecycle_tests::schedule::{
    AtMost, Coalesce, Default, Delay, Immediate, Interval, Planned, Strict,
};
use lifecycle_tests::{Knobs, fails, hangs, millis, nothing, paused, start, state_of, takes};

type Plain = (Interval, Coalesce, Default);

#[test]
fn a_new_interval_counts_from_the_last_point() {
    for (new, starts) in [(70, [100, 170, 240, 310]), (350, [100, 450, 800, 1150])] {
        paused(async {
            let trace = Knobs::every(100).takes(&[30, 0, 0, 0]).trace();
            let running = start(trace.alone::<Plain>());
            trace.reach(110).await;
            trace.turn(|knobs| knobs.every = millis(new));
            trace.reach_ticks(4).await;
            drop(running);
            assert_eq!(trace.starts(), starts);
        });
    }
}

#[test]
fn an_interval_that_changes_during_a_wait_counts_from_the_next() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(150).await;
        trace.turn(|knobs| knobs.every = millis(30));
        trace.reach_ticks(4).await;
        drop(running);
        assert_eq!(trace.starts(), [100, 200, 230, 260]);
    });
}

#[test]
fn points_that_the_clock_has_jumped_over_are_missed_as_those_that_a_tick_overran() {
    for (kind, missed, starts) in [
        (
            ScheduleKind::Interval,
            Missed::Coalesce,
            [350, 400, 500, 600],
        ),
        (ScheduleKind::Interval, Missed::Skip, [350, 400, 500, 600]),
        (ScheduleKind::Interval, Missed::Burst, [350, 350, 350, 400]),
        (ScheduleKind::Interval, Missed::Delay, [350, 400, 500, 600]),
        (ScheduleKind::Delay, Missed::Coalesce, [350, 450, 550, 650]),
    ] {
        paused(async {
            let trace = Knobs::every(100).trace();
            let running = start(trace.registry(kind, missed, First::Default));
            running.await_healthy().await.unwrap();
            // As on a machine that was asleep.
            tokio::time::advance(millis(350)).await;
            trace.reach_ticks(4).await;
            drop(running);
            assert_eq!(trace.starts(), starts, "{kind:?} {missed:?}");
        });
    }
}

#[test]
fn points_of_a_shorter_interval_before_it_was_heard_of_are_not_missed() {
    for missed in [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay] {
        let starts = [100, 195, 235, 275];
        paused(async {
            let trace = Knobs::every(100).takes(&[55, 0, 0, 0, 0]).trace();
            let running = start(trace.registry(ScheduleKind::Interval, missed, First::Default));
            trace.reach(110).await;
            trace.turn(|knobs| knobs.every = millis(40));
            trace.reach_ticks(4).await;
            drop(running);
            assert_eq!(trace.starts(), starts, "{missed:?}");
        });
    }
}

#[test]
fn after_a_tick_on_demand_the_interval_is_read_again() {
    for jitter in [0, 20] {
        paused(async {
            let trace = Knobs::every(100_000).jitter(jitter).trace();
            let running = start(trace.alone::<(Interval, Coalesce, Immediate)>());
            trace.reach_ticks(1).await;
            let point = trace.starts()[0];
            trace.turn(|knobs| knobs.every = millis(1000));
            running.handle().trigger("probe").await.unwrap();
            trace.reach_ticks(3).await;
            let next = trace.starts()[2] - point;
            assert!((1000 - jitter..=1000).contains(&next), "{next}");
        });
    }
}

#[test]
fn a_new_delay_counts_from_the_end_of_the_last_tick() {
    paused(async {
        let trace = Knobs::every(100).takes(&[30]).trace();
        let running = start(trace.alone::<(Delay, Coalesce, Default)>());
        trace.reach(110).await;
        trace.turn(|knobs| knobs.every = millis(10));
        trace.reach_ticks(3).await;
        drop(running);
        assert_eq!(trace.starts(), [100, 140, 180]);
    });
}

#[test]
fn a_schedule_without_an_end_never_ticks() {
    for endless in [Knobs::every(100).initial_delay(u64::MAX), {
        let mut knobs = Knobs::every(100);
        knobs.every = Duration::MAX;
        knobs.jitter = Duration::MAX / 2;
        knobs.initial_delay = Some(Duration::MAX);
        knobs
    }] {
        paused(async {
            let trace = endless.trace();
            let running = start(trace.alone::<Plain>());
            trace.reach(1_000_000_000).await;
            assert_eq!(trace.starts(), [0; 0]);
            running.stop().await.into_result().unwrap();
        });
    }
}

#[test]
fn a_tick_over_its_timeout_is_dropped_and_the_loop_goes_on() {
    paused(async {
        let does = [
            hangs(),
            takes(millis(50)),
            takes(millis(1)).then(fails("no rows")),
            takes(millis(1)),
        ];
        let trace = Knobs::every(100).tick_timeout(50).does(does).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        let degraded = || handle.states()[0].degraded.clone();
        trace.reach(140).await;
        assert_eq!(degraded(), None);
        trace.reach(160).await;
        let ticks = handle.states()[0].ticks.clone().unwrap();
        assert_eq!((ticks.count, ticks.failures), (1, 1));
        assert_eq!(trace.since_origin(ticks.last_end.unwrap()), millis(150));
        assert!(degraded().unwrap().contains("50ms"), "{:?}", degraded());
        assert!(handle.is_healthy(), "readiness is unchanged");
        trace.reach(240).await;
        assert!(degraded().is_some(), "until the next success");
        trace.reach(260).await;
        assert_eq!(
            degraded(),
            None,
            "exactly as long as it may take is in time"
        );
        trace.reach(310).await;
        assert_eq!(degraded().as_deref(), Some("no rows"), "as an error does");
        assert_eq!(trace.starts(), [100, 200, 300]);
        assert_eq!(trace.faults(), [""; 0]);
    });
}

#[test]
fn a_failure_does_not_end_what_a_dropped_tick_began() {
    paused(async {
        let does = [
            hangs(),
            takes(millis(1)).then(fails("no rows")),
            takes(millis(1)),
        ];
        let trace = Knobs::every(100).tick_timeout(50).does(does).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(250).await;
        assert!(handle.states()[0].degraded.is_some());
        trace.reach(350).await;
        assert_eq!(handle.states()[0].degraded, None);
    });
}

#[test]
fn a_timeout_longer_than_the_interval_misses_points_as_a_slow_tick_does() {
    paused(async {
        let does = [hangs(), nothing()];
        let trace = Knobs::every(100).tick_timeout(250).does(does).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach_ticks(4).await;
        drop(running);
        assert_eq!(trace.starts(), [100, 350, 400, 650]);
    });
}

/// Runs a probe until it fails; when, and with what.
async fn failure<P: Planned>(knobs: Knobs) -> (u64, lifecycle::ServiceError) {
    let trace = knobs.trace();
    let running = start(trace.alone::<P>());
    running.wait().await;
    let at = trace.now();
    let outcome = running.stop().await;
    let drains = usize::from(outcome.failures()[0].phase() != Phase::Startup);
    assert_eq!(trace.drains().len(), drains);
    assert_eq!(outcome.failures().len(), 1, "{outcome}");
    assert_eq!(outcome.services()[0].state, State::Failed);
    (at, outcome.failures()[0].clone())
}

#[test]
fn on_error_fail_ends_the_service_with_the_first_error() {
    paused(async {
        let does = [takes(millis(1)), takes(millis(7)).then(fails("no rows"))];
        let knobs = Knobs::every(100).does(does);
        let (at, error) = failure::<Strict<Plain>>(knobs).await;
        assert_eq!(at, 207);
        assert_eq!(error.to_string(), "service `probe` failed in tick: no rows");
        assert!(matches!(error.fault(), Fault::Error(_)));
    });
}

#[test]
fn on_error_fail_holds_for_a_timeout_too() {
    paused(async {
        let knobs = Knobs::every(100).tick_timeout(20).does([hangs()]);
        let (at, error) = failure::<Strict<Plain>>(knobs).await;
        assert_eq!(at, 120);
        assert!(error.to_string().contains("20ms"), "{error}");
    });
}

#[test]
fn on_error_fail_holds_for_a_tick_on_demand_too() {
    paused(async {
        let trace = Knobs::every(100)
            .does([takes(millis(1)).then(fails("no rows"))])
            .trace();
        let running = start(trace.alone::<Strict<Plain>>());
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        let error = handle.trigger("probe").await.unwrap_err();
        assert_eq!(error.to_string(), "the tick failed: no rows");
        running.wait().await;
        assert_eq!(state_of(&handle, "probe"), State::Failed);
    });
}

#[test]
fn so_many_failures_in_a_row_fail_the_service() {
    paused(async {
        let (ok, no) = (nothing, || fails("no rows"));
        let does = [
            no(),
            no(),
            ok(),
            no(),
            no(),
            ok(),
            ok(),
            no(),
            no(),
            no(),
            ok(),
        ];
        let knobs = Knobs::every(100).does(does);
        let (at, error) = failure::<AtMost<3, Plain>>(knobs).await;
        assert_eq!(at, 1000);
        assert_eq!(error.to_string(), "service `probe` failed in tick: no rows");
    });
}

#[test]
fn without_a_limit_any_number_of_failures_is_only_counted() {
    paused(async {
        let trace = Knobs::every(100).does([fails("no rows")]).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(100_050).await;
        let ticks = running.handle().states()[0].ticks.clone().unwrap();
        assert_eq!((ticks.failures, ticks.consecutive_failures), (1000, 1000));
        running.stop().await.into_result().unwrap();
    });
}

fn schedule_error(error: &lifecycle::ServiceError) -> OptionError {
    let cause = error.cause().unwrap().downcast_ref::<OptionError>();
    cause.unwrap_or_else(|| panic!("{error}")).clone()
}

/// Durations that can't be followed, and what the error says of them.
fn wrong(kind: &'static str) -> [(Knobs, OptionError); 3] {
    let zero = |setting, field| OptionError::Zero { setting, field };
    let longer = OptionError::Jitter {
        jitter: millis(101),
        setting: kind,
        field: "every",
        period: millis(100),
    };
    [
        (Knobs::every(0), zero(kind, "every")),
        (
            Knobs::every(100).tick_timeout(0),
            zero("tick_timeout", "tick_timeout"),
        ),
        (Knobs::every(100).jitter(101), longer),
    ]
}

async fn are_refused_at_start<P: Planned>(kind: &'static str) {
    for (knobs, expected) in wrong(kind) {
        let trace = knobs.startup(10).trace();
        let running = start(trace.alone::<P>());
        let Err(HealthError::Service(error)) = running.await_healthy().await else {
            panic!("it is healthy");
        };
        assert_eq!(schedule_error(&error), expected);
        assert_eq!(error.phase(), Phase::Startup);
        assert_eq!(trace.now(), 0, "before anything is touched");
        let _ = running.stop().await;
        assert_eq!((trace.starts().len(), trace.drains().len()), (0, 0));
    }
}

#[test]
fn an_interval_that_cannot_be_followed_is_refused_at_start() {
    paused(are_refused_at_start::<Plain>("interval"));
    paused(are_refused_at_start::<(Delay, Coalesce, Default)>("delay"));
}
