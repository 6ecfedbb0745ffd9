//! The way down, its time: rules 18, 19 and 22.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use lifecycle::{Laggard, Outcome, State, registry};
use lifecycle_tests::{
    Journal, fails, hangs, millis, nothing, secs, spawns, start, takes, until_stopped,
};
use tokio::runtime::Handle;
use tokio::time::sleep;

/// `service phase time`, for each laggard.
fn late(outcome: &Outcome) -> Vec<String> {
    let line = |laggard: &Laggard| {
        let Laggard {
            service,
            phase,
            had,
            ..
        } = laggard;
        format!("{service} {phase} {had:?}")
    };
    outcome.laggards().iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hung_tick_is_dropped_at_three_quarters_so_that_the_drain_happens() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(hangs()).drain(takes(secs(1))).scheduled(secs(10)), stop_timeout = secs(8),
    });
    sleep(secs(15)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.at("gc: tick 1 dropped"), secs(15 + 6));
    assert_eq!(journal.at("gc: drain"), secs(15 + 6));
    assert_eq!(journal.at("gc: drain done"), secs(15 + 7));
    assert_eq!(late(&outcome), ["gc tick 6s"]);
    assert_eq!(outcome.services()[0].state, State::Failed);
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hung_run_is_dropped_at_three_quarters() {
    let journal = Journal::new();
    let running = start(registry! {
        "consumer" => journal.script().run(hangs()).worker(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(
        journal.timed()[3..],
        [
            "7.5s consumer: run dropped",
            "7.5s consumer: drain",
            "7.5s consumer: drain done",
        ],
        "of the ten seconds it has unless set"
    );
    assert_eq!(late(&outcome), ["consumer run 7.5s"]);
    assert_eq!(outcome.took(), Some(millis(7_500)));
}

#[tokio::test(start_paused = true)]
async fn a_hung_spawned_task_is_dropped_at_three_quarters() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().startup(spawns(hangs())).idle(), stop_timeout = secs(4),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("api: task dropped"), secs(3));
    assert_eq!(journal.at("api: drain"), secs(3));
    assert_eq!(late(&outcome), ["api task 3s"]);
}

#[tokio::test(start_paused = true)]
async fn a_hung_drain_is_dropped_when_the_time_is_over() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().drain(hangs()).idle(), stop_timeout = secs(4),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("store: drain dropped"), secs(4));
    assert_eq!(late(&outcome), ["store drain 4s"]);
    assert_eq!(outcome.took(), Some(secs(4)));
}

#[tokio::test(start_paused = true)]
async fn a_hung_run_and_a_hung_drain_share_one_budget() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(hangs()).drain(hangs()).worker(), stop_timeout = secs(8),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(
        journal.at("a: drain dropped"),
        secs(8),
        "no phase gets a fresh one"
    );
    assert_eq!(late(&outcome), ["a run 6s", "a drain 8s"]);
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_in_flight_may_finish_within_its_whole_budget() {
    let journal = Journal::new();
    let running = start(registry! {
        "quick" => journal.script().run(takes(secs(9))).oneshot(),
        "slow" => journal.script().run(takes(secs(60))).oneshot(),
        "next" => journal.script().idle(), after = ["quick"],
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.at("quick: run done"), secs(9));
    assert_eq!(
        journal.at("slow: run dropped"),
        secs(11),
        "no quarter kept: it has no drain"
    );
    assert_eq!(late(&outcome), ["slow run 10s"]);
    assert_eq!(outcome.services()[0].state, State::Stopped);
    assert_eq!(journal.of("next"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_others_are_not_disturbed_and_the_next_level_is_still_stopped() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().drain(takes(secs(1))).idle(),
        "hung" => journal.script().run(hangs()).worker(), after = ["store"], stop_timeout = secs(4),
        "slow" => journal.script().drain(takes(secs(9))).idle(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("hung: run dropped"), secs(3));
    assert_eq!(journal.at("slow: drain done"), secs(9));
    assert_eq!(journal.at("store: drain"), secs(9));
    assert_eq!(late(&outcome), ["hung run 3s"]);
    assert_eq!(outcome.services()[0].state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_shortens_the_time_of_those_whose_turn_comes_late() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(12),
        "a" => journal.script().run(hangs()).worker(), stop_timeout = secs(60),
        "b" => journal.script().drain(takes(secs(8))).idle(), after = ["a"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("b: drain done"), secs(8));
    assert_eq!(
        journal.at("a: run dropped"),
        secs(11),
        "three quarters of the four left"
    );
    assert_eq!(journal.at("a: drain"), secs(11));
    assert_eq!(late(&outcome), ["a run 3s"]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_twenty_five_seconds_from_the_first_request_unless_set() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().drain(hangs()).idle(), stop_timeout = secs(600),
    });
    running.await_healthy().await.unwrap();
    running.handle().shutdown();
    sleep(secs(7)).await;
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(25));
    assert_eq!(late(&outcome), ["a drain 18s"]);
    assert_eq!(outcome.took(), Some(secs(25)));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_includes_the_shutdown_delay() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(10), shutdown_delay = secs(6),
        "a" => journal.script().drain(hangs()).idle(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(10));
    assert_eq!(late(&outcome), ["a drain 4s"]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_delay_longer_than_the_deadline_does_not_move_the_deadline() {
    for delay in [secs(60), Duration::MAX] {
        let journal = Journal::new();
        let running = start(registry! {
            deadline = secs(10), shutdown_delay = delay,
            "a" => journal.script().drain(hangs()).idle(),
        });
        running.await_healthy().await.unwrap();
        let outcome = running.stop().await;
        assert_eq!(journal.count("a: drain"), 1, "{delay:?}");
        assert_eq!(journal.now(), secs(10), "{delay:?}");
        assert_eq!(outcome.laggards().len(), 1, "{delay:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_hung_services_ends_at_the_deadline() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(hangs()).worker(),
        "b" => journal.script().run(hangs()).worker(), after = ["a"],
        "c" => journal.script().run(hangs()).drain(hangs()).worker(), after = ["b"],
        "d" => journal.script().run(hangs()).drain(hangs()).worker(), after = ["c"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("d: drain dropped"), secs(10));
    assert_eq!(journal.at("c: drain dropped"), secs(20));
    assert_eq!(journal.at("b: run dropped"), millis(23_750));
    assert_eq!(
        journal.at("a: drain done"),
        millis(24_688),
        "3/4 of 1.25 s, in whole milliseconds"
    );
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_when_the_time_is_over_still_drains_if_it_need_not_wait() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = secs(5),
        "a" => journal.script().worker(),
        "b" => journal.script().run(hangs()).worker(), after = ["a"],
        "c" => journal.script().run(spawns(hangs()).then(until_stopped())).worker(), after = ["b"],
        "d" => journal.script().drain(hangs()).idle(), after = ["c"],
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.now(), secs(5));
    for drain in ["a: drain done", "b: drain done", "c: drain done"] {
        assert_eq!(journal.count(drain), 1, "{drain}: {:#?}", journal.timed());
    }
    assert_eq!(
        late(&outcome),
        ["d drain 5s", "c task 0ns", "b run 0ns"],
        "a was ready to stop"
    );
}

#[tokio::test(start_paused = true)]
async fn a_zero_stop_timeout_still_drains_what_need_not_wait() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(), stop_timeout = Duration::ZERO,
        "b" => journal.script().drain(takes(secs(1))).idle(), stop_timeout = Duration::ZERO,
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.of("a")[2..], ["drain", "drain done"]);
    assert_eq!(journal.of("b")[2..], ["drain", "drain dropped"]);
    assert_eq!(late(&outcome), ["b drain 0ns"]);
}

#[tokio::test(start_paused = true)]
async fn endless_limits_are_no_limits() {
    let journal = Journal::new();
    let running = start(registry! {
        deadline = Duration::MAX,
        "a" => journal.script().startup(takes(secs(500))).drain(takes(secs(100_000))).idle(),
            start_timeout = Duration::MAX, stop_timeout = Duration::MAX,
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.now(), secs(100_500));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_failed_under_ignore_keeps_a_quarter_for_its_drain_when_the_application_stops()
 {
    let journal = Journal::new();
    let failing = spawns(takes(secs(1)).then(fails("lost"))).then(hangs());
    let running = start(registry! {
        deadline = secs(8),
        "a" => journal.script().run(failing).drain(takes(secs(1))).worker(), on_failure = ignore, stop_timeout = secs(60),
    });
    sleep(secs(2)).await;
    let _ = running.stop().await;
    assert_eq!(journal.count("a: drain"), 1, "{:#?}", journal.timed());
    assert_eq!(
        journal.at("a: run dropped"),
        secs(8),
        "three quarters of the eight left"
    );
    assert_eq!(journal.at("a: drain done"), secs(9));
}

#[tokio::test(start_paused = true)]
async fn after_stop_no_task_is_left() {
    let before = Handle::current().metrics().num_alive_tasks();
    let journal = Journal::new();
    let tasks = spawns(hangs())
        .then(spawns(until_stopped()))
        .then(spawns(nothing()));
    let running = start(registry! {
        "a" => journal.script().run(tasks.clone().then(until_stopped())).worker(),
        "b" => journal.script().run(tasks.then(hangs())).drain(hangs()).worker(), after = ["a"],
        "c" => journal.script().drain(spawns(hangs())).scheduled(secs(1)), after = ["b"],
        "d" => journal.script().startup(takes(secs(60))).idle(), after = ["c"],
    });
    let handle = running.handle();
    sleep(millis(2_500)).await;
    let _ = running.stop().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_drain_starts_late_is_dropped_at_the_end_and_named() {
    // Before three quarters of the time, after them, and with its last look.
    for (takes_time, end) in [
        (secs(1), secs(3)),
        (millis(3500), secs(4)),
        (secs(4), secs(4)),
    ] {
        let journal = Journal::new();
        let drain = takes(takes_time).then(spawns(hangs()));
        let running = start(registry! {
            "a" => journal.script().drain(drain).idle(), stop_timeout = secs(4),
        });
        running.await_healthy().await.unwrap();
        let outcome = running.stop().await;
        assert_eq!(late(&outcome), [format!("a task {end:?}")]);
        assert_eq!(outcome.took(), Some(end));
        assert!(journal.of("a").contains(&"drain done".to_owned()));
        assert!(!journal.of("a").contains(&"task done".to_owned()));
    }
}
