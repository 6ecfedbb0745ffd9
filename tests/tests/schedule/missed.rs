//! Points that have no tick of their own: they are counted, and each gap is told by one warning.

use std::sync::{Arc, Mutex};

use lifecycle::__private::{First, Missed, ScheduleKind};
use lifecycle::{EventKind, Events, Handle};
use lifecycle_tests::schedule::{Coalesce, Default, Interval, Strict};
use lifecycle_tests::{Knobs, Log, Trace, fails, millis, paused, start, takes};

type Plain = (Interval, Coalesce, Default);

fn missed(handle: &Handle) -> u64 {
    handle.states()[0].ticks.clone().unwrap().missed
}

/// A trace of ticks that take so long, one after the other, and nothing after that.
fn ticks_of(every: u64, durations: &[u64]) -> Trace {
    let in_time = [0; 200];
    Knobs::every(every)
        .takes(&[durations, &in_time].concat())
        .trace()
}

/// The numbers that were told, one for each gap.
async fn told(mut events: Events) -> Vec<u64> {
    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        if let EventKind::PointsSkipped { count, .. } = event.kind {
            told.push(count);
        }
    }
    told
}

/// Runs ticks that take so long, and nothing after that. Returns what is counted, and what was told.
fn run(durations: &[u64], until: u64) -> (u64, Vec<u64>) {
    paused(async {
        let trace = ticks_of(100, durations);
        let running = start(trace.alone::<Plain>());
        let (handle, events) = (running.handle(), running.handle().events());
        trace.reach(until).await;
        let _ = running.stop().await;
        (missed(&handle), told(events).await)
    })
}

#[test]
fn a_tick_that_overruns_misses_the_points_that_have_no_tick_of_their_own() {
    let (interval, delay) = (ScheduleKind::Interval, ScheduleKind::Delay);
    for (kind, rule, count) in [
        // From 100 to 450: over the points 200, 300 and 400.
        (interval, Missed::Coalesce, 2),
        (interval, Missed::Skip, 3),
        (interval, Missed::Delay, 3),
        (interval, Missed::Burst, 0),
        (delay, Missed::Coalesce, 0),
    ] {
        let seen = paused(async {
            let trace = ticks_of(100, &[350]);
            let running = start(trace.registry(kind, rule, First::Default));
            let (handle, events) = (running.handle(), running.handle().events());
            trace.reach(440).await;
            assert_eq!(missed(&handle), 0, "not known before the tick ends");
            trace.reach(1_000).await;
            let _ = running.stop().await;
            (missed(&handle), told(events).await)
        });
        let gaps = if count == 0 { vec![] } else { vec![count] };
        assert_eq!(seen, (count, gaps), "{kind:?} {rule:?}");
    }
}

#[test]
fn what_a_late_tick_stands_for_is_what_is_counted() {
    for takes in 1..=60 {
        paused(async {
            let trace = ticks_of(10, &[takes]);
            let running = start(trace.alone::<Plain>());
            trace.reach(200).await;
            let sum: u64 = trace.told().iter().map(|tick| tick.missed).sum();
            assert_eq!(missed(&running.handle()), sum, "{takes}");
            drop(running);
        });
    }
}

#[test]
fn a_point_is_either_missed_or_has_its_tick() {
    for rule in [Missed::Coalesce, Missed::Skip] {
        for takes in 0..=400 {
            paused(async {
                let trace = ticks_of(100, &[takes, 30, 270]);
                let running = start(trace.registry(ScheduleKind::Interval, rule, First::Default));
                trace.reach(2_050).await;
                let ticks = u64::try_from(trace.starts().len()).unwrap();
                assert_eq!(missed(&running.handle()) + ticks, 20, "{rule:?} {takes}");
                drop(running);
            });
        }
    }
}

#[test]
fn a_tick_in_time_or_a_little_late_misses_nothing() {
    let seen = run(&[99, 100, 150, 20, 100, 180], 5_050);
    assert_eq!(seen, (0, vec![]));
}

#[test]
fn points_that_the_clock_has_jumped_over_are_missed() {
    paused(async {
        let trace = Knobs::every(100).trace();
        let running = start(trace.alone::<Plain>());
        let (handle, events) = (running.handle(), running.handle().events());
        running.await_healthy().await.unwrap();
        tokio::time::advance(millis(350)).await;
        trace.reach_ticks(1).await;
        assert_eq!(missed(&handle), 2, "as soon as the late tick begins");
        trace.reach(1_000).await;
        let _ = running.stop().await;
        assert_eq!((missed(&handle), told(events).await), (2, vec![2]));
    });
}

#[test]
fn each_gap_is_told_once_and_all_are_counted() {
    let seen = run(&[350, 0, 0, 250, 0, 0, 0, 450], 3_000);
    assert_eq!(seen, (2 + 1 + 3, vec![2, 1, 3]));
}

#[test]
fn with_jitter_the_skipped_points_are_those_between_two_ticks() {
    paused(async {
        let trace = Knobs::every(100).jitter(10).takes(&[350, 0]).trace();
        let running =
            start(trace.registry(ScheduleKind::Interval, Missed::Skip, First::AfterInterval));
        trace.reach_ticks(2).await;
        let count = missed(&running.handle());
        drop(running);
        assert!((3..=4).contains(&count), "{count}");
    });
}

#[test]
fn a_pause_misses_nothing() {
    for rule in [Missed::Coalesce, Missed::Skip, Missed::Burst, Missed::Delay] {
        paused(async {
            let trace = Knobs::every(100).trace();
            let running = start(trace.registry(ScheduleKind::Interval, rule, First::Default));
            let (handle, events) = (running.handle(), running.handle().events());
            trace.reach(150).await;
            handle.pause("probe").unwrap();
            trace.reach(65_050).await;
            handle.trigger("probe").await.unwrap();
            trace.reach(130_050).await;
            handle.resume("probe").unwrap();
            trace.reach_ticks(5).await;
            let _ = running.stop().await;
            assert_eq!(
                (missed(&handle), told(events).await),
                (0, vec![]),
                "{rule:?}"
            );
        });
    }
}

#[test]
fn a_pause_during_a_tick_misses_nothing() {
    for (pause, resume) in [(150, 2_000), (150, 420), (440, 2_000)] {
        paused(async {
            let trace = ticks_of(100, &[350]);
            let running = start(trace.alone::<Plain>());
            let handle = running.handle();
            trace.reach(pause).await;
            handle.pause("probe").unwrap();
            trace.reach(resume).await;
            handle.resume("probe").unwrap();
            trace.reach(3_000).await;
            drop(running);
            assert_eq!(missed(&handle), 0, "{pause} {resume}");
        });
    }
}

#[test]
fn after_a_pause_they_are_counted_again() {
    paused(async {
        let trace = ticks_of(100, &[0, 250]);
        let running = start(trace.alone::<Plain>());
        let handle = running.handle();
        trace.reach(150).await;
        handle.pause("probe").unwrap();
        trace.reach(550).await;
        handle.resume("probe").unwrap();
        // The late tick takes from 550 to 800, over 600 and 700.
        trace.reach(1_050).await;
        assert_eq!(trace.starts()[..3], [100, 550, 800]);
        assert_eq!(missed(&handle), 2);
        drop(running);
    });
}

#[test]
fn points_of_an_interval_that_is_no_more_are_not_missed() {
    paused(async {
        let trace = ticks_of(100, &[450]);
        let running = start(trace.alone::<Plain>());
        trace.reach(200).await;
        trace.turn(|knobs| knobs.every = millis(70));
        trace.reach_ticks(3).await;
        assert_eq!(missed(&running.handle()), 0);
        drop(running);
    });
}

#[test]
fn while_the_service_stops_no_point_is_missed() {
    paused(async {
        let trace = Knobs::every(100).takes(&[850]).trace();
        let running = start(trace.alone::<Plain>());
        let (handle, events) = (running.handle(), running.handle().events());
        trace.reach(150).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(trace.now(), 950);
        assert_eq!((missed(&handle), told(events).await), (0, vec![]));
    });
}

#[test]
fn the_count_goes_on_over_restarts_and_while_it_is_down_none_is_missed() {
    paused(async {
        let mut ticks = vec![
            takes(millis(250)),
            takes(millis(750)).then(fails("no rows")),
            takes(millis(350)),
        ];
        ticks.resize(200, takes(millis(0)));
        let trace = Knobs::every(100).does(ticks).trace();
        let registry = lifecycle::registry! {
            "probe" => trace.probe::<Strict<Plain>>(), on_failure = restart(backoff = "10s..10s"),
        };
        let running = start(registry);
        let handle = running.handle();
        // From 100 to 350, over 200; then from 350 to 1,100, when it fails, and is down for 5 to 10 seconds.
        trace.reach(1_200).await;
        assert_eq!(missed(&handle), 1);
        trace.reach(15_000).await;
        assert_eq!(missed(&handle), 1 + 2);
        drop(running);
    });
}

#[test]
fn a_schedule_that_is_always_late_does_not_fill_the_log() {
    paused(async {
        let log = Log::open();
        let trace = Knobs::every(10).takes(&[35]).trace();
        let counts = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&counts);
        let registry = trace.alone::<Plain>().on_event(move |event| {
            if let EventKind::PointsSkipped { count, .. } = event.kind {
                told.lock().unwrap().push(count);
            }
        });
        let running = start(registry);
        trace.reach(30 * 60_000).await;
        let missed = missed(&running.handle());
        running.stop().await.into_result().unwrap();
        let counts = counts.lock().unwrap().clone();
        let lines = counts.len();
        assert!((39..=41).contains(&lines), "ten, and one a minute: {lines}");
        assert!(missed > 100_000, "{missed}");
        let untold = missed - counts.iter().sum::<u64>();
        assert!(untold < 10_000, "no more than those of a minute: {untold}");
        let warnings = log.lines();
        let is_told = |line: &&String| line.contains("points of the schedule skipped");
        assert_eq!(warnings.iter().filter(is_told).count(), lines);
    });
}

#[test]
fn a_gap_is_logged_with_its_number_and_why() {
    paused(async {
        let log = Log::open();
        let trace = ticks_of(100, &[350]);
        let running = start(trace.alone::<Plain>());
        trace.reach(1_000).await;
        running.stop().await.into_result().unwrap();
        let _ = log.place(&[
            "WARN",
            "points of the schedule skipped",
            "service=probe",
            "count=2",
            "a tick was still running",
        ]);
        let lines = log.lines();
        assert_eq!(
            lines.iter().filter(|line| line.contains("skipped")).count(),
            1
        );
    });
}
