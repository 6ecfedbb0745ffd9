//! Wall clocks that are set ahead and back, and machines that sleep: a look a minute notices, no time has two ticks, and nothing
//! is made up for by a row of them.

use lifecycle::__private::{First, Missed};
use lifecycle::testing::WallClock;
use lifecycle_tests::cron::{at, clock};
use lifecycle_tests::{Knobs, Trace, millis, paused, secs, start};

const NIGHTLY: &str = "0 3 * * *";
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// Runs a probe from midnight on for two days while `change` is done to its clock at `when`; the milliseconds at which ticks
/// began.
fn run(knobs: Knobs, missed: Missed, when: u64, change: impl FnOnce(&WallClock)) -> Vec<u64> {
    paused(async {
        let (trace, wall) = (knobs.trace(), clock("2026-01-01T00:00:00Z"));
        let running = start(trace.by_clock(&wall, missed, First::Default));
        trace.reach(when).await;
        change(&wall);
        trace.reach(2 * DAY).await;
        assert_eq!(trace.faults(), [""; 0]);
        drop(running);
        trace.starts()
    })
}

fn set(time: &'static str) -> impl FnOnce(&WallClock) {
    move |clock| clock.set_to(at(time))
}

#[test]
fn a_time_that_was_slept_through_is_one_late_tick_within_a_minute() {
    for missed in [Missed::Coalesce, Missed::Burst] {
        let starts = run(
            Knobs::cron(NIGHTLY),
            missed,
            2 * HOUR + 1,
            set("2026-01-01T08:00:00Z"),
        );
        // The clock is six hours ahead now; it was looked at on every minute.
        let look = 2 * HOUR + 60_000;
        assert_eq!(starts, [look, 21 * HOUR + 1, 45 * HOUR + 1], "{missed:?}");
    }
    let starts = run(
        Knobs::cron(NIGHTLY),
        Missed::Skip,
        2 * HOUR + 1,
        set("2026-01-01T08:00:00Z"),
    );
    assert_eq!(starts, [21 * HOUR + 1, 45 * HOUR + 1]);
}

#[test]
fn years_that_were_slept_through_are_one_late_tick_too() {
    for (missed, starts) in [
        (Missed::Coalesce, [60_000, 120_000, 165_000, 225_000]),
        (Missed::Burst, [60_000, 120_000, 165_000, 225_000]),
        (Missed::Skip, [60_000, 165_000, 225_000, 285_000]),
    ] {
        let slept = set("2076-01-01T00:00:45.5Z");
        let seen = run(Knobs::cron("* * * * *"), missed, 90_500, slept);
        assert_eq!(seen[..4], starts, "{missed:?}");
    }
}

#[test]
fn a_clock_set_ahead_a_little_brings_the_tick_forward() {
    let starts = run(
        Knobs::cron(NIGHTLY),
        Missed::Coalesce,
        HOUR,
        set("2026-01-01T01:00:40Z"),
    );
    assert_eq!(starts[0], 3 * HOUR - 40_000);
    // In the last minute, when nobody looks any more, it is late by as much.
    let starts = run(
        Knobs::cron(NIGHTLY),
        Missed::Skip,
        3 * HOUR - 1,
        set("2026-01-01T03:00:20Z"),
    );
    assert_eq!(starts[0], 3 * HOUR);
}

#[test]
fn times_that_are_jumped_over_are_missed_as_by_a_slow_tick() {
    for (missed, starts) in [
        (Missed::Coalesce, [10_000, 20_000, 25_000, 35_000]),
        (Missed::Skip, [10_000, 20_000, 25_000, 35_000]),
        (Missed::Burst, [10_000, 20_000, 20_000, 20_000]),
    ] {
        let ahead = set("2026-01-01T00:00:57Z");
        let seen = run(Knobs::cron("*/10 * * * * *"), missed, 12_000, ahead);
        assert_eq!(seen[..4], starts, "{missed:?}");
    }
}

#[test]
fn a_clock_set_back_before_the_time_puts_the_tick_off() {
    let starts = run(
        Knobs::cron(NIGHTLY),
        Missed::Coalesce,
        3 * HOUR - 1,
        set("2026-01-01T02:59:00Z"),
    );
    assert_eq!(starts, [3 * HOUR + 60_000 - 1, 27 * HOUR + 60_000 - 1]);
}

#[test]
fn no_time_has_two_ticks_when_the_clock_is_set_back() {
    let starts = run(
        Knobs::cron(NIGHTLY),
        Missed::Coalesce,
        3 * HOUR + 1,
        set("2026-01-01T02:30:00Z"),
    );
    assert_eq!(starts, [3 * HOUR, 27 * HOUR + HOUR / 2 + 1]);
    let starts = run(
        Knobs::cron("*/10 * * * *"),
        Missed::Burst,
        3 * HOUR + 1,
        set("2026-01-01T02:35:00Z"),
    );
    let after: Vec<u64> = starts
        .into_iter()
        .filter(|start| *start > 3 * HOUR)
        .take(2)
        .collect();
    assert_eq!(
        after,
        [3 * HOUR + 2_100_001, 3 * HOUR + 2_700_001],
        "03:10 and 03:20 by the new clock"
    );
}

#[test]
fn a_clock_set_back_during_a_tick_does_not_repeat_it() {
    let knobs = Knobs::cron(NIGHTLY).takes(&[60_000]);
    let starts = run(
        knobs,
        Missed::Burst,
        3 * HOUR + 1,
        set("2026-01-01T02:30:00Z"),
    );
    assert_eq!(starts, [3 * HOUR, 27 * HOUR + HOUR / 2 + 1]);
}

#[test]
fn a_clock_that_was_wrong_by_more_than_an_hour_counts_no_longer() {
    // It was a year ahead; nothing waits a year for it to be right again.
    let starts = run(
        Knobs::cron(NIGHTLY),
        Missed::Coalesce,
        3 * HOUR + 1,
        set("2025-01-01T02:00:00Z"),
    );
    assert_eq!(starts, [3 * HOUR, 4 * HOUR + 1, 28 * HOUR + 1]);
}

#[test]
fn a_clock_beyond_the_calendar_may_still_be_set_right() {
    paused(async {
        let (trace, wall) = (Knobs::cron(NIGHTLY).trace(), clock("9999-12-30T21:00:00Z"));
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        trace.reach(3 * HOUR).await;
        let ticks = running.handle().states()[0].ticks.clone().unwrap();
        assert_eq!((ticks.count, ticks.next_due), (0, None));
        wall.set_to(at("2026-01-01T02:00:00Z"));
        trace.reach(5 * HOUR).await;
        assert_eq!(trace.starts(), [4 * HOUR]);
    });
}

#[test]
fn a_machine_that_sleeps_during_a_tick_has_missed_one() {
    let knobs = Knobs::cron("* * * * *").takes(&[30_000, 0]);
    let slept = set("2026-01-01T05:00:00Z");
    // The tick of 00:01 is in flight until half a minute later.
    let starts = run(knobs, Missed::Burst, 60_001, slept);
    assert_eq!(starts[..3], [60_000, 90_000, 120_001]);
}

#[test]
fn a_first_tick_and_one_on_demand_go_by_the_time_that_passes() {
    paused(async {
        let mut knobs = Knobs::cron(NIGHTLY);
        knobs.initial_delay = Some(secs(90));
        let (trace, wall): (Trace, WallClock) = (knobs.trace(), clock("2026-01-01T00:00:00Z"));
        let running = start(trace.by_clock(&wall, Missed::Skip, First::Default));
        trace.reach(10_000).await;
        wall.set_to(at("2025-12-31T20:00:00Z"));
        trace.reach(80_000).await;
        running.handle().trigger("probe").await.unwrap();
        trace.reach(90_001).await;
        assert_eq!(trace.starts(), [80_000, 90_000]);
        // What is due next is counted from what the clock shows.
        let due = running.handle().states()[0].ticks.clone().unwrap().next_due;
        assert_eq!(trace.since_origin(due.unwrap()), millis(10_000 + 7 * HOUR));
    });
}
