//! Times of a cron expression that have no tick of their own.

use lifecycle::__private::{First, Missed};
use lifecycle::testing::WallClock;
use lifecycle::{EventKind, Events, Handle};
use lifecycle_tests::cron::{at, clock};
use lifecycle_tests::{Knobs, Trace, millis, paused, start};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn missed(handle: &Handle) -> u64 {
    handle.states()[0].ticks.clone().unwrap().missed
}

/// The gaps that were told: how many points, and why.
async fn told(mut events: Events) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        if let EventKind::PointsSkipped { count, why, .. } = event.kind {
            told.push((count, why.to_string()));
        }
    }
    told
}

/// Runs a probe that ticks each hour from midnight on, lets something befall the clock after 90 minutes, and stops
/// after eight hours. The second tick takes so many minutes.
fn run(rule: Missed, takes: u64, befalls: impl FnOnce(&WallClock)) -> (u64, Vec<(u64, String)>) {
    paused(async {
        let ticks = [&[0, takes * MINUTE], [0; 50].as_slice()].concat();
        let trace: Trace = Knobs::cron("0 * * * *").takes(&ticks).trace();
        let wall = clock("2026-01-01T00:00:00Z");
        let running = start(trace.by_clock(&wall, rule, First::Default));
        let (handle, events) = (running.handle(), running.handle().events());
        trace.reach(90 * MINUTE).await;
        befalls(&wall);
        trace.reach(8 * HOUR + MINUTE).await;
        let _ = running.stop().await;
        (missed(&handle), told(events).await)
    })
}

fn one(count: u64, why: &str) -> (u64, Vec<(u64, String)>) {
    (count, vec![(count, why.to_owned())])
}

const OVERRUN: &str = "a tick was still running";
const HELD_UP: &str = "the program was held up, the machine slept, or its clock was set ahead";

#[test]
fn times_that_a_tick_overruns_are_missed() {
    // From 2:00 to 5:30, over 3:00, 4:00 and 5:00.
    for (rule, expected) in [
        (Missed::Coalesce, one(2, OVERRUN)),
        (Missed::Skip, one(3, OVERRUN)),
        (Missed::Burst, (0, vec![])),
    ] {
        assert_eq!(run(rule, 210, |_| {}), expected, "{rule:?}");
    }
}

#[test]
fn times_that_the_clock_jumped_over_are_missed() {
    // From 1:30 to 5:30, over 2:00, 3:00, 4:00 and 5:00.
    for (rule, count) in [(Missed::Coalesce, 3), (Missed::Burst, 3), (Missed::Skip, 4)] {
        let ahead = |wall: &WallClock| wall.set_to(at("2026-01-01T05:30:00Z"));
        assert_eq!(run(rule, 0, ahead), one(count, HELD_UP), "{rule:?}");
    }
}

#[test]
fn times_of_a_clock_that_is_set_back_are_not_missed() {
    for by in ["2026-01-01T00:40:00Z", "2025-12-31T11:10:00Z"] {
        let seen = run(Missed::Coalesce, 0, |wall| wall.set_to(at(by)));
        assert_eq!(seen, (0, vec![]), "{by}");
    }
}

#[test]
fn a_late_wake_up_misses_the_times_before_the_last() {
    paused(async {
        let trace = Knobs::cron("* * * * * *").trace();
        let wall = clock("2026-01-01T00:00:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        let (handle, events) = (running.handle(), running.handle().events());
        running.await_healthy().await.unwrap();
        tokio::time::advance(millis(5_500)).await;
        trace.reach_ticks(1).await;
        assert_eq!((missed(&handle), trace.told()[0].missed), (4, 4));
        let _ = running.stop().await;
        assert_eq!(told(events).await, one(4, HELD_UP).1);
    });
}

#[test]
fn a_pause_misses_nothing_also_where_the_clock_jumps_in_it() {
    for rule in [Missed::Coalesce, Missed::Skip, Missed::Burst] {
        for jumps in [false, true] {
            paused(async {
                let trace = Knobs::cron("0 * * * *").trace();
                let wall = clock("2026-01-01T00:00:00Z");
                let running = start(trace.by_clock(&wall, rule, First::Default));
                let (handle, events) = (running.handle(), running.handle().events());
                trace.reach(90 * MINUTE).await;
                handle.pause("probe").unwrap();
                trace.reach(200 * MINUTE).await;
                if jumps {
                    wall.set_to(at("2026-01-02T00:40:00Z"));
                }
                trace.reach(300 * MINUTE).await;
                handle.trigger("probe").await.unwrap();
                trace.reach(400 * MINUTE).await;
                handle.resume("probe").unwrap();
                trace.reach(9 * HOUR).await;
                let _ = running.stop().await;
                let seen = (missed(&handle), told(events).await);
                assert_eq!(seen, (0, vec![]), "{rule:?} {jumps}");
            });
        }
    }
}

#[test]
fn times_of_an_expression_that_is_no_more_are_not_missed() {
    paused(async {
        let trace = Knobs::cron("0 * * * *").takes(&[150 * MINUTE, 0]).trace();
        let wall = clock("2026-01-01T00:00:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        trace.reach(2 * HOUR).await;
        trace.turn(|knobs| knobs.cron = "30 12 * * *".to_owned());
        trace.reach(13 * HOUR).await;
        assert_eq!(trace.starts(), [HOUR, 12 * HOUR + 30 * MINUTE]);
        assert_eq!(missed(&running.handle()), 0);
        drop(running);
    });
}
