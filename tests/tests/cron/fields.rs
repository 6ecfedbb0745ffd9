//! What the fields of the service mean: expressions and zones that change, and those that can't be followed.

use lifecycle::__private::{First, Missed};
use lifecycle::{
    Context, HealthError, OptionError, Phase, Result, Scheduled, Shape, registry, service,
};
use lifecycle_tests::cron::clock;
use lifecycle_tests::{Knobs, Trace, fails, hangs, millis, paused, secs, start, takes};

const HOUR: u64 = 3_600_000;

fn begin(trace: &Trace) -> lifecycle::Running {
    start(trace.by_clock(
        &clock("2026-01-01T00:00:00Z"),
        Missed::Coalesce,
        First::Default,
    ))
}

#[test]
fn a_new_expression_holds_within_a_minute() {
    paused(async {
        let trace = Knobs::cron("0 3 * * *").trace();
        let running = begin(&trace);
        trace.reach(HOUR + 1).await;
        trace.turn(|knobs| knobs.cron = "0 2 * * *".to_owned());
        trace.reach(HOUR + 60_001).await;
        let due = running.handle().states()[0].ticks.clone().unwrap().next_due;
        assert_eq!(trace.since_origin(due.unwrap()), millis(2 * HOUR));
        trace.reach(30 * HOUR).await;
        assert_eq!(trace.starts(), [2 * HOUR, 26 * HOUR]);
    });
}

#[test]
fn a_new_expression_names_no_times_that_are_over() {
    paused(async {
        let trace = Knobs::cron("0 3 * * *").takes(&[2 * HOUR, 0]).trace();
        let running = begin(&trace);
        trace.reach(4 * HOUR).await;
        trace.turn(|knobs| knobs.cron = "0 * * * *".to_owned());
        trace.reach_ticks(2).await;
        drop(running);
        // 04:00 went by during the tick, but was not yet named.
        assert_eq!(trace.starts(), [3 * HOUR, 6 * HOUR]);
    });
}

#[test]
fn a_new_zone_holds_within_a_minute_and_repeats_nothing() {
    paused(async {
        let trace = Knobs::cron("0 3 * * *").tz("Europe/Berlin").trace();
        let running = begin(&trace);
        trace.reach(2 * HOUR + 1).await;
        trace.turn(|knobs| knobs.tz = "America/New_York".to_owned());
        trace.reach_ticks(2).await;
        drop(running);
        assert_eq!(trace.starts(), [2 * HOUR, 8 * HOUR]);
    });
}

#[test]
fn a_tick_on_demand_leaves_the_times_where_they_are() {
    paused(async {
        let trace = Knobs::cron("0 * * * *").takes(&[10_000]).trace();
        let running = begin(&trace);
        trace.reach(HOUR / 2).await;
        running.handle().trigger("probe").await.unwrap();
        trace.reach(HOUR - 5000).await;
        // It is in flight at the full hour, which comes late.
        running.handle().trigger("probe").await.unwrap();
        trace.reach_ticks(4).await;
        assert_eq!(
            trace.starts(),
            [HOUR / 2, HOUR - 5000, HOUR + 5000, 2 * HOUR]
        );
    });
}

#[test]
fn facts_are_those_of_any_schedule() {
    paused(async {
        let does = [
            takes(millis(1)),
            takes(millis(1)).then(fails("no rows")),
            hangs(),
        ];
        let trace = Knobs::cron("0 * * * *")
            .does(does)
            .tick_timeout(5000)
            .trace();
        let running = begin(&trace);
        trace.reach(3 * HOUR + 6000).await;
        let status = running.handle().states().remove(0);
        assert_eq!(status.shape, Shape::Scheduled);
        let ticks = status.ticks.unwrap();
        assert_eq!(
            (ticks.count, ticks.failures, ticks.consecutive_failures),
            (3, 2, 2)
        );
        assert_eq!(ticks.last_duration, Some(secs(5)));
        assert_eq!(
            trace.since_origin(ticks.next_due.unwrap()),
            millis(4 * HOUR)
        );
        assert!(status.degraded.is_some());
    });
}

/// What can't be followed, and what the error says of it.
fn wrong() -> [(Knobs, &'static str); 5] {
    let sound = || Knobs::cron("0 3 * * *");
    [
        (
            Knobs::cron("0 3 * *"),
            "`cfg.cron` is no schedule: the cron expression `0 3 * *` has 4 fields; write five fields: minute, hour, day, month, weekday; or six, with the second before them",
        ),
        (
            Knobs::cron("0 24 * * *"),
            "`cfg.cron` is no schedule: the hour `24` of `0 24 * * *` is not from 0 to 23; write a number from 0 to 23, `*`, a range `9-17`, a step `*/6`, or a list of those",
        ),
        (
            sound().tz("Mars/Olympus_Mons"),
            "the time zone `Mars/Olympus_Mons` of `tz = cfg.tz` is unknown here: the name is wrong, or the machine has no zone files (see the feature `cron-bundled-tz`)",
        ),
        (
            sound().tz("+24:00"),
            "the time zone `+24:00` of `tz = cfg.tz` is no offset: write its hours and minutes, such as `+02:00` or `-0330`, up to `23:59`",
        ),
        (
            sound().tick_timeout(0),
            "the tick_timeout `tick_timeout` is zero: a scheduled service needs a positive one",
        ),
    ]
}

#[test]
fn a_schedule_that_cannot_be_followed_is_refused_before_anything_is_touched() {
    for (knobs, expected) in wrong() {
        paused(async {
            let trace = knobs.startup(10).trace();
            let running = begin(&trace);
            let Err(HealthError::Service(error)) = running.await_healthy().await else {
                panic!("it is healthy");
            };
            assert_eq!(error.phase(), Phase::Startup);
            assert_eq!(
                error.to_string(),
                format!("service `probe` failed in startup: {expected}")
            );
            assert!(error.cause().unwrap().is::<OptionError>());
            assert_eq!(trace.now(), 0);
            let _ = running.stop().await;
            assert_eq!((trace.starts().len(), trace.drains().len()), (0, 0));
        });
    }
}

#[test]
fn a_schedule_that_can_no_longer_be_followed_goes_on_as_before_until_it_is_right_again() {
    for (knobs, expected) in wrong() {
        for change_at in [HOUR + 1, 3 * HOUR + 1] {
            paused(async {
                let sound = Knobs::cron("0 3 * * *").takes(&[1000]);
                let trace = sound.clone().trace();
                let running = begin(&trace);
                let degraded = || running.handle().states()[0].degraded.clone();
                trace.reach(change_at).await;
                trace.turn(|now| *now = knobs.clone().takes(&[1000]));
                trace.reach(change_at + 60_001).await;
                assert_eq!(degraded().as_deref(), Some(expected));
                trace.reach(30 * HOUR).await;
                assert_eq!(degraded().as_deref(), Some(expected));
                trace.turn(|now| {
                    *now = Knobs {
                        cron: "0 4 * * *".to_owned(),
                        ..sound
                    }
                });
                trace.reach(30 * HOUR + 60_001).await;
                assert_eq!(degraded(), None);
                trace.reach(53 * HOUR).await;
                assert_eq!(trace.starts(), [3 * HOUR, 27 * HOUR, 52 * HOUR]);
                running.stop().await.into_result().unwrap();
            });
        }
    }
}

struct Config {
    cron: String,
    tz: &'static str,
}

#[service(scheduled(cron = "cfg.cron", tz = "cfg.tz"))]
struct Nightly {
    cfg: Config,
}

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[service(scheduled(cron = "30 4 * * *", tz = "Asia/Kolkata"))]
struct Fixed;

impl Scheduled for Fixed {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[test]
fn the_attribute_takes_literals_paths_and_utc() {
    paused(async {
        let cfg = Config {
            cron: "0 3 * * *".to_owned(),
            tz: "Europe/Berlin",
        };
        let begun = tokio::time::Instant::now();
        let running = start(
            registry! { "nightly" => Nightly { cfg }, "fixed" => Fixed }
                .wall_clock(clock("2026-01-01T00:00:00Z")),
        );
        running.await_healthy().await.unwrap();
        let due = running.handle().states().into_iter().map(|status| {
            let due = status.ticks.unwrap().next_due.unwrap();
            due.duration_since(begun)
        });
        assert_eq!(
            due.collect::<Vec<_>>(),
            [millis(2 * HOUR), millis(23 * HOUR)]
        );
    });
}

#[test]
fn without_a_test_clock_the_system_tells_the_time() {
    #[service(scheduled(cron = "* * * * * *"))]
    struct Often;

    impl Scheduled for Often {
        async fn tick(&self, _: &Context) -> Result {
            Ok(())
        }
    }

    paused(async {
        let running = start(registry! { "often" => Often });
        running.await_healthy().await.unwrap();
        let due = running.handle().states()[0].ticks.clone().unwrap().next_due;
        assert!(due.unwrap().duration_since(tokio::time::Instant::now()) <= secs(1));
    });
}
