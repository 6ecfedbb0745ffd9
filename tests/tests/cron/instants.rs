//! The instants of the ticks of every schedule, against those of the definitions.

use std::time::Duration;

use lifecycle::__private::{First, Missed};
use lifecycle::testing::WallClock;
use lifecycle_tests::cron::{at, clock};
use lifecycle_tests::{Knobs, Trace, millis, paused, secs, start};

use crate::oracle::Case;

const TICKS: usize = 30;

const MISSED: [Missed; 3] = [Missed::Coalesce, Missed::Skip, Missed::Burst];
/// In milliseconds; a time comes every ten seconds.
const DURATIONS: [&[u64]; 8] = [
    &[0],
    &[3000],
    &[10_000],
    &[15_000],
    &[32_000],
    &[20_000, 0, 10_000],
    // A stall of a hundred times; off the grid, and on it.
    &[3000, 1_001_000, 2000, 15_000, 4000, 0, 0, 32_000],
    &[1000, 1_000_000, 9999, 10_001, 1],
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let expressions = [
        ("*/10 * * * * *", vec![0, 10, 20, 30, 40, 50]),
        ("5,7,30 * * * * *", vec![5, 7, 30]),
        ("0 * * * * *", vec![0]),
    ];
    for (cron, seconds) in expressions {
        for missed in MISSED {
            for takes in DURATIONS {
                for offset in [0, 500, 9999] {
                    let (seconds, takes) = (seconds.clone(), takes.to_vec());
                    let case = Case {
                        cron,
                        seconds,
                        missed,
                        first: First::Default,
                        initial_delay: None,
                        offset,
                        takes,
                    };
                    cases.push(Case {
                        first: First::Immediate,
                        ..case.clone()
                    });
                    cases.extend([0, 10_000, 12_340].map(|delay| Case {
                        initial_delay: Some(delay),
                        ..case.clone()
                    }));
                    cases.push(case);
                }
            }
        }
    }
    cases
}

/// Whose wall clock shows a minute and the offset when the service is running, so much later.
pub fn trace(case: &Case, startup: u64) -> (Trace, WallClock) {
    let mut knobs = Knobs::cron(case.cron).takes(&case.takes).startup(startup);
    knobs.initial_delay = case.initial_delay.map(millis);
    let clock = WallClock::new(at("2026-01-01T00:00:00Z") + millis(case.offset) - millis(startup));
    (knobs.trace(), clock)
}

#[test]
fn every_tick_begins_exactly_when_it_is_due() {
    const STARTUP: u64 = 7;
    for case in cases() {
        let expected = case.starts(TICKS);
        let seen = paused(async {
            let (trace, clock) = trace(&case, STARTUP);
            let running = start(trace.by_clock(&clock, case.missed, case.first));
            trace.reach(STARTUP + expected[TICKS - 1] + 1).await;
            assert_eq!(trace.faults(), [""; 0], "{case:?}");
            drop(running);
            trace.starts()
        });
        let seen: Vec<u64> = seen
            .iter()
            .map(|start| start - STARTUP)
            .take(TICKS)
            .collect();
        assert_eq!(seen, expected, "{case:?}");
    }
}

/// The ticks of a run of so many days, as the wall clock of the zone shows them.
fn run(cron: &str, tz: &str, from: &str, days: u64) -> Vec<String> {
    let zone = jiff::tz::TimeZone::get(tz).unwrap();
    paused(async {
        let trace = Knobs::cron(cron).tz(tz).trace();
        let wall = clock(from);
        let begun: jiff::Timestamp = wall.now().try_into().unwrap();
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        tokio::time::sleep(secs(days * 86_400)).await;
        drop(running);
        let shown = trace.starts().into_iter().map(|start| {
            let instant = begun + Duration::from_millis(start);
            instant
                .to_zoned(zone.clone())
                .strftime("%d %H:%M:%S %:z")
                .to_string()
        });
        shown.collect()
    })
}

#[test]
fn clocks_that_are_changed_twice_a_year() {
    assert_eq!(
        run("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        [
            "28 02:30:00 +01:00",
            "29 03:00:00 +02:00",
            "30 02:30:00 +02:00"
        ]
    );
    assert_eq!(
        run(
            "0,30 1-3 25 * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            2
        ),
        [
            "25 01:00:00 +02:00",
            "25 01:30:00 +02:00",
            "25 02:00:00 +02:00",
            "25 02:30:00 +02:00",
            "25 02:00:00 +01:00",
            "25 02:30:00 +01:00",
            "25 03:00:00 +01:00",
            "25 03:30:00 +01:00",
        ]
    );
    assert_eq!(
        run(
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            3
        ),
        [
            "04 02:30:00 +11:00",
            "05 02:15:00 +11:00",
            "06 02:15:00 +11:00"
        ]
    );
    assert_eq!(
        run("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3),
        [
            "29 12:00:00 -10:00",
            "31 12:00:00 +14:00",
            "01 12:00:00 +14:00"
        ]
    );
}

#[test]
fn jitter_is_time_that_a_tick_comes_later() {
    paused(async {
        fastrand::seed(9);
        let trace = Knobs::cron("0 * * * *").jitter(600_000).trace();
        let running = start(trace.by_clock(
            &clock("2026-01-01T00:00:00Z"),
            Missed::Coalesce,
            First::Default,
        ));
        trace.reach(500 * 3_600_000 + 600_001).await;
        drop(running);
        let late = trace
            .starts()
            .into_iter()
            .zip(1..)
            .map(|(start, hour): (u64, u64)| {
                let late = start
                    .checked_sub(hour * 3_600_000)
                    .expect("never before its time");
                assert!(late <= 600_000, "{late}");
                late
            });
        let late: Vec<u64> = late.collect();
        let mean = late.iter().sum::<u64>() / late.len() as u64;
        assert!((270_000..330_000).contains(&mean), "{mean}");
        assert!(late.iter().any(|late| *late < 10_000) && late.iter().any(|late| *late > 590_000));
    });
}

#[test]
fn jitter_that_is_longer_than_the_time_between_loses_none_but_the_missed() {
    paused(async {
        fastrand::seed(2);
        let trace = Knobs::cron("* * * * * *").jitter(5000).trace();
        let running = start(trace.by_clock(
            &clock("2026-01-01T00:00:00Z"),
            Missed::Burst,
            First::Default,
        ));
        trace.reach(1_005_001).await;
        drop(running);
        assert!(trace.starts().len() >= 1000);
        assert_eq!(trace.faults(), [""; 0]);
    });
}
