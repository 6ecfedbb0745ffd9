//! What a tick by cron expression is told of itself: the time that it is for, and a key that names it.

use lifecycle::__private::{First, Missed};
use lifecycle::{Tick, TickCause};
use lifecycle_tests::cron::{at, clock};
use lifecycle_tests::{Knobs, Trace, millis, paused, start};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Runs a probe from half past midnight on the first day of 2026 until it has ticked so often.
fn run(knobs: Knobs, missed: Missed, first: First, ticks: usize) -> Trace {
    paused(async {
        let (trace, wall) = (knobs.trace(), clock("2026-01-01T00:30:00Z"));
        let running = start(trace.by_clock(&wall, missed, first));
        while trace.told().len() < ticks {
            trace.reach(trace.now() + HOUR).await;
        }
        drop(running);
        trace
    })
}

fn keys(trace: &Trace) -> Vec<String> {
    trace.told().iter().map(Tick::key).collect()
}

fn missed(trace: &Trace) -> Vec<u64> {
    trace.told().iter().map(|tick| tick.missed).collect()
}

#[test]
fn a_key_is_the_time_that_the_tick_is_for() {
    let trace = run(
        Knobs::cron("0 3 * * *"),
        Missed::Coalesce,
        First::Default,
        2,
    );
    let expected = ["probe/2026-01-01T03:00Z", "probe/2026-01-02T03:00Z"];
    assert_eq!(keys(&trace), expected);
    let first = trace.told()[0].clone();
    assert_eq!(first.due_time, Some(at("2026-01-01T03:00:00Z")));
    assert_eq!(trace.since_origin(first.due), millis(150 * MINUTE));
    assert_eq!((first.cause, first.missed), (TickCause::Schedule, 0));
    let tz = Knobs::cron("30 0 3 * * *").tz("Europe/Berlin");
    let trace = run(tz, Missed::Coalesce, First::Default, 1);
    assert_eq!(keys(&trace), ["probe/2026-01-01T02:00:30Z"], "by UTC");
}

#[test]
fn a_late_tick_is_for_the_last_of_the_missed_times() {
    let every = || Knobs::cron("*/10 * * * *").takes(&[35 * MINUTE, 0, 0]);
    for (rule, expected, counts) in [
        (Missed::Coalesce, ["00:40", "01:10", "01:20"], [0, 2, 0]),
        (Missed::Skip, ["00:40", "01:20", "01:30"], [0, 0, 0]),
        (Missed::Burst, ["00:40", "00:50", "01:00"], [0, 0, 0]),
    ] {
        let trace = run(every(), rule, First::Default, 3);
        let expected = expected.map(|time| format!("probe/2026-01-01T{time}Z"));
        assert_eq!(keys(&trace)[..3], expected, "{rule:?}");
        assert_eq!(missed(&trace)[..3], counts, "{rule:?}");
    }
    let trace = run(every(), Missed::Coalesce, First::Default, 2);
    let late = trace.told()[1].clone();
    assert_eq!(
        trace.since_origin(late.due),
        millis(40 * MINUTE),
        "at 01:10"
    );
    assert_eq!(trace.starts()[1], 45 * MINUTE);
}

#[test]
fn times_that_were_slept_through_are_counted_and_the_last_one_is_meant() {
    for (cron, slept_until, last, count) in [
        ("0 * * * *", "2026-01-01T08:30:00Z", "2026-01-01T08:00Z", 7),
        ("0 3 * * *", "2026-01-05T08:00:00Z", "2026-01-05T03:00Z", 4),
        (
            "0 3 1 * *",
            "2076-01-31T08:00:00Z",
            "2076-01-01T03:00Z",
            600,
        ),
        // More than can be counted.
        (
            "* * * * *",
            "2076-01-01T00:00:45.5Z",
            "2076-01-01T00:00Z",
            1000,
        ),
        (
            "15 3 * * *",
            "2076-01-01T00:00:00Z",
            "2075-12-31T03:15Z",
            1000,
        ),
        (
            "*/7 * 9 * * *",
            "2026-01-03T08:00:00Z",
            "2026-01-02T09:59:56Z",
            1000,
        ),
    ] {
        paused(async {
            let (trace, wall) = (Knobs::cron(cron).trace(), clock("2026-01-01T00:30:00Z"));
            let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
            trace.reach(10_500).await;
            wall.set_to(at(slept_until));
            trace.reach_ticks(1).await;
            drop(running);
            // The clock is looked at within a minute, and goes on until then.
            let key = keys(&trace).remove(0);
            let seen = key.strip_prefix("probe/").unwrap();
            if cron == "* * * * *" {
                assert!(seen.starts_with("2076-01-01T00:0"), "{seen}");
            } else {
                assert_eq!(seen, last, "{cron}");
            }
            assert_eq!(missed(&trace)[0], count, "{cron}");
        });
    }
}

#[test]
fn a_tick_that_no_time_names_has_a_key_of_its_own() {
    paused(async {
        let trace = Knobs::cron("0 3 * * *").trace();
        let wall = clock("2026-01-01T00:30:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Immediate));
        trace.reach(1234).await;
        running.handle().trigger("probe").await.unwrap();
        trace.reach(3 * HOUR).await;
        drop(running);
        assert_eq!(
            keys(&trace),
            [
                "probe/2026-01-01T00:30:00.000Z#1",
                "probe/2026-01-01T00:30:01.234Z#2",
                "probe/2026-01-01T03:00Z"
            ]
        );
        let told = trace.told();
        assert_eq!(
            (told[0].cause, told[0].due_time),
            (TickCause::Schedule, None)
        );
        assert_eq!(
            (told[1].cause, told[1].due_time),
            (TickCause::Trigger, None)
        );
        assert_eq!(told[2].number, 3);
    });
}

#[test]
fn with_jitter_a_tick_is_for_its_time_though_it_is_due_later() {
    let knobs = Knobs::cron("0 * * * *").jitter(20 * MINUTE);
    let trace = run(knobs, Missed::Coalesce, First::Default, 4);
    let expected = [1, 2, 3, 4].map(|hour| format!("probe/2026-01-01T{hour:02}:00Z"));
    assert_eq!(keys(&trace)[..4], expected);
    for (tick, start) in trace.told().iter().zip(trace.starts()) {
        let due = trace.since_origin(tick.due);
        // A timer of tokio's counts whole milliseconds.
        assert!(due <= millis(start) && millis(start) < due + millis(1));
    }
}
