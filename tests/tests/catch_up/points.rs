//! Which points are run, after which wait or stop.

use lifecycle::{Registry, Service, registry};
use tokio::time::sleep;

use crate::job::{
    Act, Delayed, HOUR, HourlyBurst, Jittered, MINUTE, OnTheHour, OnTheHourBurst, Short, World,
    settle, status, stop,
};

async fn run_until(world: &World, job: impl Service, minutes: u64) {
    let memory = world.store.clone();
    let running = world.start(registry! { memory = memory, "job" => job });
    world.reach(minutes).await;
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_new_counts_from_its_first_start() {
    let world = World::new();
    world.reach(10).await;
    let running = world.hourly();
    world.reach(69).await;
    assert_eq!(world.notes.ran(), []);
    world.reach(130).await;
    assert_eq!(world.notes.ran(), [(70, 1, 0), (130, 1, 0)]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn an_interval_goes_on_counting_over_restarts() {
    let world = World::new();
    // Each run is shorter than the interval, as in an application that is deployed all day.
    for minutes in (50..=350).step_by(50) {
        let running = world.hourly();
        world.reach(minutes).await;
        stop(running).await;
    }
    let expected = [60, 120, 180, 240, 300].map(|minutes| (minutes, 1, 0));
    assert_eq!(world.notes.ran(), expected);
    assert!(world.skipped().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_tick_stands_for_all_that_was_missed() {
    let world = World::new();
    run_until(&world, OnTheHour(world.notes.clone()), 61).await;
    world.reach(330).await;
    run_until(&world, OnTheHour(world.notes.clone()), 361).await;
    assert_eq!(world.notes.ran(), [(60, 1, 0), (300, 1, 3), (360, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn under_burst_each_missed_point_has_its_tick_the_oldest_first() {
    for by_cron in [false, true] {
        let world = World::new();
        let job = || {
            let memory = world.store.clone();
            let builder = Registry::builder().memory(memory);
            let registry = if by_cron {
                builder.service("job", OnTheHourBurst(world.notes.clone()))
            } else {
                builder.service("job", HourlyBurst(world.notes.clone()))
            };
            world.start(registry.build().unwrap())
        };
        let running = job();
        world.reach(1).await;
        stop(running).await;
        world.reach(250).await;
        let running = job();
        settle().await;
        assert_eq!(
            world.notes.ran(),
            [60, 120, 180, 240].map(|minutes| (minutes, 1, 0))
        );
        stop(running).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_counts_from_the_last_end_and_over_restarts_from_the_last_point() {
    let world = World::new();
    run_until(&world, Delayed(world.notes.clone()), 90).await;
    run_until(&world, Delayed(world.notes.clone()), 200).await;
    assert_eq!(
        world.notes.ran(),
        [60, 120, 180].map(|minutes| (minutes, 1, 0))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_catch_up_is_skipped_and_told_with_its_number() {
    let world = World::new();
    run_until(&world, Short(world.notes.clone()), 61).await;
    world.reach(310).await;
    let memory = world.store.clone();
    let running = world.start(registry! { memory = memory, "job" => Short(world.notes.clone()) });
    world.reach(311).await;
    let counted = status(&running).ticks.unwrap().missed;
    stop(running).await;
    assert_eq!(counted, 2, "what is made up for is not counted");
    // 120, 180 are older than 90 minutes; the tick for 300 stands for 240.
    assert_eq!(world.notes.ran(), [(60, 1, 0), (300, 1, 1)]);
    let why = "they are older than the `catch_up` of 5400s";
    assert_eq!(world.skipped(), [(2, why.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_was_dropped_at_a_stop_is_tried_again() {
    let world = World::new();
    let running = world.hourly();
    world.notes.act(Act::Hang);
    world.reach(61).await;
    assert_eq!(running.stop().await.exit_code(), 1);
    world.notes.act(Act::Succeed);
    let running = world.hourly();
    world.reach(62).await;
    assert_eq!(world.notes.ran(), [(60, 1, 0), (60, 2, 0)]);
    stop(running).await;
    let running = world.hourly();
    world.reach(63).await;
    assert_eq!(world.notes.ran().len(), 2, "it has ended");
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_fails_has_been_run() {
    let world = World::new();
    world.notes.act(Act::Fail);
    for minutes in [61, 62] {
        let running = world.hourly();
        world.reach(minutes).await;
        stop(running).await;
    }
    assert_eq!(world.notes.ran(), [(60, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_panics_is_tried_again_by_the_next_run() {
    let world = World::new();
    world.notes.act(Act::Panic);
    let memory = world.store.clone();
    let running = world.start(registry! {
        memory = memory,
        "job" => crate::job::Hourly(world.notes.clone()), on_failure = restart(backoff = "1m..1m"),
    });
    world.reach(60).await;
    world.notes.act(Act::Succeed);
    world.reach(62).await;
    assert_eq!(world.notes.ran(), [(60, 1, 0), (60, 2, 0)]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_made_up_for() {
    let world = World::new();
    let running = world.hourly();
    settle().await;
    running.handle().pause("job").unwrap();
    world.reach(190).await;
    assert_eq!(world.notes.ran(), []);
    running.handle().trigger("job").await.unwrap();
    assert_eq!((world.notes.triggered(), world.notes.ran()), (1, vec![]));
    running.handle().resume("job").unwrap();
    settle().await;
    assert_eq!(world.notes.ran(), [(180, 1, 2)]);
    world.reach(240).await;
    assert_eq!(world.notes.ran(), [(180, 1, 2), (240, 1, 0)]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_triggered_tick_has_no_point_and_changes_none() {
    let world = World::new();
    let running = world.hourly();
    world.reach(30).await;
    running.handle().trigger("job").await.unwrap();
    assert_eq!(world.notes.triggered(), 1);
    world.reach(60).await;
    assert_eq!(world.notes.ran(), [(60, 1, 0)]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_interval_counts_from_the_last_point() {
    let world = World::new();
    let running = world.hourly();
    world.reach(90).await;
    world.notes.every(2 * HOUR);
    running.handle().reload().await.unwrap();
    world.reach(200).await;
    assert_eq!(world.notes.ran(), [(60, 1, 0), (180, 1, 0)]);
    world.notes.every(10 * MINUTE);
    running.handle().reload().await.unwrap();
    world.reach(211).await;
    assert_eq!(
        world.notes.ran()[2..],
        [(210, 1, 0)],
        "no point before the change was missed"
    );
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn with_a_jitter_ticks_come_later_and_points_stay() {
    for _ in 0..50 {
        let world = World::new();
        let memory = world.store.clone();
        let job = Jittered(world.notes.clone());
        let running = world.start(registry! { memory = memory, "job" => job });
        world.reach(59).await;
        assert_eq!(world.notes.ran(), []);
        world.reach(71).await;
        world.reach(131).await;
        assert_eq!(world.notes.ran(), [(60, 1, 0), (120, 1, 0)]);
        stop(running).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_nothing_due_again() {
    let world = World::new();
    let running = world.hourly();
    world.reach(61).await;
    world.clock.set_to(crate::job::start());
    sleep(HOUR).await;
    settle().await;
    assert_eq!(world.notes.ran(), [(60, 1, 0)]);
    world.reach(120).await;
    assert_eq!(world.notes.ran(), [(60, 1, 0), (120, 1, 0)]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_ahead_makes_what_it_passes_due_within_a_minute() {
    let world = World::new();
    let running = world.hourly();
    world.reach(10).await;
    world.clock.set_to(crate::job::start() + 200 * MINUTE);
    sleep(MINUTE).await;
    settle().await;
    assert_eq!(world.notes.ran(), [(180, 1, 2)]);
    stop(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_when_the_next_point_is_due() {
    let world = World::new();
    let running = world.hourly();
    world.reach(30).await;
    let upcoming = running.handle().upcoming("job", 2).unwrap();
    let times: Vec<_> = upcoming.iter().map(|next| next.time).collect();
    let expected = [HOUR, 2 * HOUR].map(|since| crate::job::start() + since);
    assert_eq!(times, expected);
    world.reach(61).await;
    assert_eq!(status(&running).ticks.unwrap().count, 1);
    stop(running).await;
}
