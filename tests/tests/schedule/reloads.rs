//! What a service says of its schedule changes while it runs, as when its configuration is read again.
//!
//! The kind: a change waits for the end of the old wait; a value that can't be followed ends the service; what went by before
//! the change counts as missed. For every kind of schedule, longer and shorter, to and from never, in the first wait and in a
//! later one, in a tick, in a wait that a trigger ends; each wrong value (an interval of zero, a jitter beyond it, a timeout of
//! zero), with ticks that fail and reasons of the service's own beside it. (That none of it leaves something behind is tested
//! beside the timers.)

use std::time::Duration;

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::Handle;
use lifecycle_tests::schedule::{Coalesce, Default, Interval};
use lifecycle_tests::{
    Knobs, degrades, fails, hangs, millis, nothing, paused, recovers, secs, start,
};

type Plain = (Interval, Coalesce, Default);

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn degraded(handle: &Handle) -> Option<String> {
    handle.states()[0].degraded.as_deref().map(str::to_owned)
}

/// Changes the interval or delay at 10 min 30 s; the first ticks from then on.
fn change(
    kind: ScheduleKind,
    missed: Missed,
    from: Duration,
    to: Duration,
    ticks: usize,
) -> Vec<u64> {
    paused(async {
        let mut knobs = Knobs::every(1);
        knobs.every = from;
        let trace = knobs.trace();
        let running = start(trace.registry(kind, missed, First::Default));
        trace.reach(10 * MINUTE + 30_000).await;
        trace.turn(|knobs| knobs.every = to);
        trace.reach_ticks(ticks).await;
        drop(running);
        trace.starts()
    })
}

#[test]
fn a_change_takes_effect_within_a_minute_and_what_went_by_before_is_not_missed() {
    let heard = 11 * MINUTE;
    for kind in [ScheduleKind::Interval, ScheduleKind::Delay] {
        for missed in [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay] {
            for from in [secs(3600), secs(1_000_000), Duration::MAX] {
                for to in [1, 60, 90, 1800, 7200] {
                    let ticks = change(kind, missed, from, secs(to), 3);
                    let to = 1000 * to;
                    let expected = [1, 2, 3].map(|n| heard + n * to);
                    assert_eq!(ticks, expected, "{kind:?} {missed:?} {from:?}");
                }
            }
        }
    }
}

#[test]
fn a_schedule_that_is_to_tick_no_more_does_not() {
    paused(async {
        let trace = Knobs::every(HOUR).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(HOUR + 1).await;
        trace.turn(|knobs| knobs.every = Duration::MAX);
        trace.reach(100 * HOUR).await;
        assert_eq!(trace.starts(), [HOUR]);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn what_does_not_change_goes_on_by_the_grid() {
    for kind in [ScheduleKind::Interval, ScheduleKind::Delay] {
        paused(async {
            let trace = Knobs::every(HOUR + 7).trace();
            let running = start(trace.registry(kind, Missed::Coalesce, First::Default));
            trace.reach(10 * MINUTE).await;
            // What says nothing of when leaves that alone.
            trace.turn(|knobs| knobs.tick_timeout = Some(secs(5)));
            trace.reach_ticks(3).await;
            drop(running);
            assert_eq!(trace.starts(), [1, 2, 3].map(|n| n * (HOUR + 7)));
        });
    }
}

#[test]
fn a_first_tick_that_has_its_own_time_keeps_it() {
    paused(async {
        let trace = Knobs::every(HOUR).initial_delay(5 * MINUTE + 500).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(2 * MINUTE).await;
        trace.turn(|knobs| knobs.every = secs(10));
        trace.reach_ticks(2).await;
        drop(running);
        let first = 5 * MINUTE + 500;
        assert_eq!(trace.starts(), [first, first + 10_000]);
    });
}

#[test]
fn after_a_change_a_tick_on_demand_is_followed_by_a_whole_interval() {
    for (kind, takes) in [
        (ScheduleKind::Interval, 0),
        (ScheduleKind::Interval, 500),
        (ScheduleKind::Delay, 500),
    ] {
        paused(async {
            let trace = Knobs::every(HOUR).takes(&[takes, 0, 0]).trace();
            let running = start(trace.registry(kind, Missed::Coalesce, First::Default));
            trace.reach(10 * MINUTE + 30_000).await;
            trace.turn(|knobs| knobs.every = secs(60));
            running.handle().trigger("probe").await.unwrap();
            let end = trace.now();
            trace.reach_ticks(3).await;
            assert_eq!(trace.starts()[1..], [end + MINUTE, end + 2 * MINUTE]);
        });
    }
}

/// Values that can't be followed, and what is said of them.
fn wrong(kind: &str) -> [(Knobs, String); 3] {
    let sound = || Knobs::every(HOUR);
    [
        (
            Knobs::every(0),
            format!("the {kind} `every` is zero: a scheduled service needs a positive one"),
        ),
        (
            sound().tick_timeout(0),
            "the tick_timeout `tick_timeout` is zero: a scheduled service needs a positive one"
                .to_owned(),
        ),
        (
            sound().jitter(HOUR + 1),
            format!("the jitter of 3600.001s is longer than the {kind} `every`, which is 3600s"),
        ),
    ]
}

#[test]
fn a_value_that_cannot_be_followed_leaves_the_last_good_one_and_shows_until_it_is_right_again() {
    for (kind, said) in [
        (ScheduleKind::Interval, "interval"),
        (ScheduleKind::Delay, "delay"),
    ] {
        for (knobs, sentence) in wrong(said) {
            for at in [10 * MINUTE + 1, HOUR, HOUR + 1] {
                paused(async {
                    let trace = Knobs::every(HOUR).takes(&[10]).trace();
                    let running = start(trace.registry(kind, Missed::Coalesce, First::Default));
                    trace.reach(at).await;
                    trace.turn(|now| *now = knobs.clone().takes(&[10]));
                    trace.reach(at + MINUTE + 1).await;
                    assert_eq!(degraded(&running.handle()), Some(sentence.clone()));
                    assert!(running.handle().is_healthy());
                    trace.reach(3 * HOUR + MINUTE / 2).await;
                    let later = if kind == ScheduleKind::Delay { 10 } else { 0 };
                    let expected = [0, 1, 2].map(|n| (n + 1) * HOUR + n * later);
                    assert_eq!(trace.starts(), expected);
                    trace.turn(|now| *now = Knobs::every(MINUTE));
                    trace.reach(3 * HOUR + 2 * MINUTE).await;
                    assert_eq!(degraded(&running.handle()), None);
                    trace.reach(3 * HOUR + 4 * MINUTE).await;
                    assert!(trace.starts().len() > 4);
                    running.stop().await.into_result().unwrap();
                });
            }
        }
    }
}

#[test]
fn a_timeout_that_cannot_be_is_the_last_good_one() {
    paused(async {
        let trace = Knobs::every(1000).tick_timeout(50).does([hangs()]).trace();
        let running = start(trace.alone::<Plain>());
        trace.reach(500).await;
        trace.turn(|now| now.tick_timeout = Some(Duration::ZERO));
        trace.reach(5100).await;
        let ticks = running.handle().states()[0].ticks.clone().unwrap();
        assert_eq!((ticks.count, ticks.last_duration), (5, Some(millis(50))));
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_schedule_whose_ticks_fail_is_degraded_until_one_succeeds() {
    paused(async {
        let does = [fails("no rows"), fails("no table"), nothing()];
        let trace = Knobs::every(100).does(does).trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        for (at, expected) in [
            (50, None),
            (150, Some("no rows")),
            (250, Some("no table")),
            (350, None),
        ] {
            trace.reach(at).await;
            assert_eq!(degraded(&handle).as_deref(), expected);
            assert!(at == 50 || handle.is_healthy());
        }
    });
}

#[test]
fn what_the_service_says_and_what_the_library_finds_do_not_take_each_other_back() {
    paused(async {
        let trace = Knobs::every(1000)
            .does([degrades("mine").then(fails("no rows"))])
            .trace();
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(1500).await;
        assert_eq!(degraded(&handle).as_deref(), Some("mine"));
        trace.turn(|knobs| knobs.every = Duration::ZERO);
        trace.reach(2500).await;
        assert_eq!(degraded(&handle).as_deref(), Some("mine"));
        trace.turn(|knobs| knobs.does = vec![recovers().then(fails("no rows"))]);
        trace.reach(3500).await;
        assert!(degraded(&handle).unwrap().contains("is zero"));
        trace.turn(|knobs| knobs.every = secs(1));
        trace.reach(4500).await;
        assert_eq!(degraded(&handle).as_deref(), Some("no rows"));
        running.stop().await.into_result().unwrap();
    });
}
