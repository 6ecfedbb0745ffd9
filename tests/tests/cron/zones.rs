//! Zones that are no names: offsets from UTC, and the zone of the machine.

use lifecycle::__private::{First, Missed};
use lifecycle::{Context, Result, Scheduled, registry, service};
use lifecycle_tests::cron::clock;
#[cfg(unix)]
use lifecycle_tests::{Ended, Program};
use lifecycle_tests::{Knobs, millis, paused, start};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

#[test]
fn an_offset_is_a_clock_that_is_never_changed() {
    for (offset, first) in [
        ("+02:00", HOUR),
        ("+02", HOUR),
        ("-0330", 6 * HOUR + 30 * MINUTE),
        ("+00:00", 3 * HOUR),
        ("+05:45", 21 * HOUR + 15 * MINUTE),
        ("-23:59", 3 * HOUR - MINUTE),
    ] {
        // Berlin changes its clock on this day.
        for day in ["2026-01-01T00:00:00Z", "2026-03-29T00:00:00Z"] {
            paused(async {
                let trace = Knobs::cron("0 3 * * *").tz(offset).trace();
                let running = start(trace.by_clock(&clock(day), Missed::Coalesce, First::Default));
                trace.reach(50 * HOUR).await;
                drop(running);
                assert_eq!(trace.starts()[..2], [first, first + 24 * HOUR], "{offset}");
            });
        }
    }
}

#[test]
fn an_offset_that_comes_from_the_configuration_holds_within_a_minute() {
    paused(async {
        let trace = Knobs::cron("0 3 * * *").trace();
        let wall = clock("2026-01-01T00:00:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        trace.reach(HOUR).await;
        trace.turn(|knobs| knobs.tz = "-01:00".to_owned());
        trace.reach(30 * HOUR).await;
        drop(running);
        assert_eq!(trace.starts(), [4 * HOUR, 28 * HOUR]);
    });
}

#[service(scheduled(cron = "0 3 * * *", tz = "+0200"))]
struct InSummer;

impl Scheduled for InSummer {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[test]
fn an_offset_may_stand_in_the_attribute() {
    paused(async {
        let wall = clock("2026-01-01T00:00:00Z");
        let running = start(registry! { "report" => InSummer }.wall_clock(wall));
        running.await_healthy().await.unwrap();
        let due = running.handle().states()[0].ticks.clone().unwrap().next_due;
        let wait = due.unwrap() - tokio::time::Instant::now();
        assert_eq!(wait, millis(HOUR));
    });
}

/// Runs a program whose schedule is `local`, on a machine that has this zone.
#[cfg(unix)]
fn on_a_machine_in(zone: &str) -> Ended {
    let path = env!("CARGO_BIN_EXE_fixture");
    let mut command = std::process::Command::new(path);
    Program::of(command.args(["local-zone", "current"]).env("TZ", zone)).end()
}

#[test]
#[cfg(unix)]
fn local_is_the_zone_of_the_machine() {
    for (zone, minutes) in [
        ("UTC", "180"),
        ("", "180"),
        ("NPT-5:45", "1275"),
        ("Asia/Kathmandu", "1275"),
    ] {
        let ended = on_a_machine_in(zone);
        assert_eq!(ended.lines, [minutes], "{zone}: {}", ended.report);
        assert_eq!(ended.code, Some(0));
    }
}

#[test]
#[cfg(unix)]
fn a_machine_that_does_not_tell_its_zone_starts_nothing_that_goes_by_it() {
    let ended = on_a_machine_in("Mars/Olympus_Mons");
    assert_eq!(ended.code, Some(1));
    let told = "the machine does not tell its time zone, which `tz = local` asks for: ";
    assert!(ended.report.contains(told), "{}", ended.report);
}
