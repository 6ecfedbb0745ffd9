//! The times to come of a schedule by cron expression, and when its ticks have been.

use std::time::SystemTime;

use lifecycle::__private::{First, Missed};
use lifecycle::{Handle, Upcoming};
use lifecycle_tests::cron::{at, clock};
use lifecycle_tests::{Knobs, Trace, millis, paused, start};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn upcoming(handle: &Handle, count: usize) -> Vec<Upcoming> {
    handle.upcoming("probe", count).unwrap()
}

fn times(handle: &Handle, count: usize) -> Vec<SystemTime> {
    upcoming(handle, count)
        .iter()
        .map(|next| next.time)
        .collect()
}

fn is_at(trace: &Trace, next: &Upcoming, milliseconds: u64) -> bool {
    trace.since_origin(next.at) == millis(milliseconds)
}

#[test]
fn the_next_times_are_those_of_the_expression() {
    paused(async {
        let trace = Knobs::cron("30 2 * * *").tz("Europe/Berlin").trace();
        let wall = clock("2026-03-27T12:00:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        let handle = running.handle();
        trace.reach(1).await;
        // On the 29th that hour is left out.
        let expected = ["28T01:30", "29T01:00", "30T00:30"];
        let expected = expected.map(|time| at(&format!("2026-03-{time}:00Z")));
        assert_eq!(times(&handle, 3), expected);
        assert!(is_at(
            &trace,
            &upcoming(&handle, 1)[0],
            13 * HOUR + 30 * MINUTE
        ));
        let rule = || handle.schedule("probe").unwrap().unwrap().to_string();
        assert_eq!(rule(), "30 2 * * * in Europe/Berlin");
        trace.turn(|knobs| knobs.cron = "0 * * * *".to_owned());
        trace.reach(2 * MINUTE).await;
        assert_eq!(rule(), "0 * * * * in Europe/Berlin");
        assert_eq!(times(&handle, 1), [at("2026-03-27T13:00:00Z")], "a new one");
        drop(running);
    });
}

#[test]
fn while_a_tick_is_in_flight_the_next_time_is_ahead() {
    paused(async {
        let trace = Knobs::cron("*/10 * * * *").takes(&[15 * MINUTE]).trace();
        let wall = clock("2026-01-01T00:05:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        let handle = running.handle();
        trace.reach(6 * MINUTE).await;
        let next = ["2026-01-01T00:20:00Z", "2026-01-01T00:30:00Z"].map(at);
        assert_eq!(times(&handle, 2), next);
        drop(running);
    });
}

#[test]
fn a_first_tick_that_an_option_sets_comes_before_the_times() {
    paused(async {
        let trace = Knobs::cron("0 * * * *").initial_delay(90 * MINUTE).trace();
        let wall = clock("2026-01-01T00:00:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        let handle = running.handle();
        trace.reach(1).await;
        let next = ["2026-01-01T01:30:00Z", "2026-01-01T02:00:00Z"].map(at);
        assert_eq!(times(&handle, 2), next);
        drop(running);
    });
}

#[test]
fn with_jitter_the_next_instant_is_the_one_that_was_drawn() {
    for _ in 0..20 {
        paused(async {
            let trace = Knobs::cron("0 * * * *").jitter(20 * MINUTE).trace();
            let wall = clock("2026-01-01T00:30:00Z");
            let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
            let handle = running.handle();
            // At a time of the expression, whose tick may still be to come.
            trace.reach(30 * MINUTE + 1).await;
            let next = upcoming(&handle, 3);
            let hours = ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"].map(at);
            let due = handle.states()[0].ticks.clone().unwrap().next_due.unwrap();
            assert_eq!(next[0].at, due);
            let is_over = !trace.starts().is_empty();
            assert_eq!(next[1].time, hours[usize::from(is_over)]);
            drop(running);
        });
    }
}

#[test]
fn the_times_at_which_ticks_began_are_those_of_the_wall_clock() {
    paused(async {
        let trace = Knobs::cron("0 * * * *").trace();
        let wall = clock("2026-01-01T00:30:00Z");
        let running = start(trace.by_clock(&wall, Missed::Coalesce, First::Default));
        trace.reach(45 * MINUTE).await;
        wall.set_to(at("2026-01-03T08:20:30Z"));
        trace.reach(50 * MINUTE).await;
        let runs = running.handle().runs("probe").unwrap();
        let started: Vec<SystemTime> = runs.iter().map(|run| run.started).collect();
        let expected = ["2026-01-01T01:00:00Z", "2026-01-03T08:20:30Z"].map(at);
        assert_eq!(started[0], expected[0]);
        let late = started[1].duration_since(expected[1]).unwrap();
        assert!(late <= millis(MINUTE), "{late:?}");
        drop(running);
    });
}
