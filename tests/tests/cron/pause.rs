//! Schedules by cron expression that are paused, and resumed.

use lifecycle::__private::{First, Missed};
use lifecycle::Tick;
use lifecycle_tests::cron::{at, clock};
use lifecycle_tests::{Knobs, paused, start};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Pauses an hourly probe from half past one until half past four, and runs it for a few hours more.
fn run(missed: Missed, slept_until: Option<&'static str>) -> (Vec<u64>, Vec<String>, Vec<u64>) {
    paused(async {
        let (trace, wall) = (
            Knobs::cron("0 * * * *").trace(),
            clock("2026-01-01T00:00:00Z"),
        );
        let running = start(trace.by_clock(&wall, missed, First::Default));
        let handle = running.handle();
        trace.reach(90 * MINUTE).await;
        handle.pause("probe").unwrap();
        if let Some(time) = slept_until {
            trace.reach(100 * MINUTE).await;
            wall.set_to(at(time));
        }
        trace.reach(270 * MINUTE).await;
        assert_eq!(trace.starts(), [HOUR]);
        handle.resume("probe").unwrap();
        trace.reach(6 * HOUR + 1).await;
        drop(running);
        let told = trace.told();
        let keys = told.iter().map(Tick::key).collect();
        (
            trace.starts(),
            keys,
            told.iter().map(|tick| tick.missed).collect(),
        )
    })
}

#[test]
fn after_a_pause_the_rule_for_missed_times_holds() {
    let resumed = 270 * MINUTE;
    for (rule, starts, hours, missed) in [
        (Missed::Coalesce, vec![resumed], vec![4], vec![2]),
        (Missed::Skip, vec![], vec![], vec![]),
        (Missed::Burst, vec![resumed; 3], vec![2, 3, 4], vec![0; 3]),
    ] {
        let (began, keys, counted) = run(rule, None);
        let begins = [vec![HOUR], starts, vec![5 * HOUR, 6 * HOUR]].concat();
        assert_eq!(began, begins, "{rule:?}");
        let hours = [vec![1], hours, vec![5, 6]].concat();
        let expected = hours
            .iter()
            .map(|hour| format!("probe/2026-01-01T{hour:02}:00Z"));
        assert_eq!(keys, expected.collect::<Vec<_>>(), "{rule:?}");
        assert_eq!(counted, [vec![0], missed, vec![0, 0]].concat(), "{rule:?}");
    }
}

#[test]
fn times_that_were_slept_through_during_a_pause_are_one_late_tick_too() {
    // When it is resumed the wall clock shows 03:30 of the third day. The leap to 00:40 was noticed during the pause.
    for (rule, late) in [
        (Missed::Coalesce, vec![("03", 49)]),
        (
            Missed::Burst,
            vec![("00", 46), ("01", 0), ("02", 0), ("03", 0)],
        ),
    ] {
        let (starts, keys, missed) = run(rule, Some("2026-01-03T00:40:00Z"));
        for ((hour, count), tick) in late.iter().zip(1..) {
            assert_eq!(starts[tick], 270 * MINUTE);
            assert_eq!(
                keys[tick],
                format!("probe/2026-01-03T{hour}:00Z"),
                "{rule:?}"
            );
            assert_eq!(missed[tick], *count, "{rule:?}");
        }
        assert_eq!(starts[late.len() + 1], 5 * HOUR);
    }
}
