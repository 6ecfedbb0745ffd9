//! While services run: rules 10 to 13.

use std::time::Duration;

use lifecycle::{Fault, Phase, State, registry};
use lifecycle_tests::{
    Journal, Moves, fails, millis, nothing, panics, secs, shuts_down, spawns, start, state_of,
    takes, until_stopped,
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn the_first_tick_comes_after_one_interval_and_the_next_on_the_grid() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().startup(takes(secs(2))).tick(takes(secs(1))).scheduled(secs(10)),
    });
    sleep(secs(35)).await;
    assert_eq!(
        journal.at("gc: tick 1"),
        secs(12),
        "from running, not from start"
    );
    assert_eq!(journal.at("gc: tick 2"), secs(22));
    assert_eq!(journal.at("gc: tick 3"), secs(32));
    let status = running.handle().states().remove(0);
    assert_eq!(status.ticks.unwrap().count, 3);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn points_missed_by_an_overrun_are_one_late_tick_and_the_grid_goes_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(takes(secs(37))).tick(nothing()).scheduled(secs(10)),
    });
    sleep(secs(75)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.timed()[2..],
        [
            "10s gc: tick 1",
            "47s gc: tick 1 done",
            "47s gc: tick 2",
            "47s gc: tick 2 done",
            "50s gc: tick 3",
            "50s gc: tick 3 done",
            "60s gc: tick 4",
            "60s gc: tick 4 done",
            "70s gc: tick 5",
            "70s gc: tick 5 done",
            "75s gc: drain",
            "75s gc: drain done",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn ticks_never_overlap_however_long_they_take() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(takes(secs(25))).scheduled(secs(10)), stop_timeout = secs(200),
    });
    sleep(secs(301)).await;
    running.stop().await.into_result().unwrap();
    let ticks = journal.of("gc");
    for pair in ticks[2..ticks.len() - 2].chunks(2) {
        assert_eq!(pair[1], format!("{} done", pair[0]), "{ticks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_tick_begins_once_stop_is_requested() {
    let journal = Journal::new();
    let running = start(registry! {
        // The second tick is due at 20 s, while the first is still under way.
        "gc" => journal.script().tick(takes(secs(15))).scheduled(secs(10)),
    });
    sleep(secs(24)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.timed()[2..],
        [
            "10s gc: tick 1",
            "25s gc: tick 1 done",
            "25s gc: drain",
            "25s gc: drain done",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tick_in_flight_completes_before_the_drain() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(takes(secs(5))).drain(takes(secs(1))).scheduled(secs(10)),
    });
    sleep(secs(12)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("gc: tick 1 done"), secs(15));
    assert_eq!(journal.at("gc: drain"), secs(15));
    assert_eq!(journal.now(), secs(16));
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_fails_is_counted_and_the_loop_goes_on() {
    let journal = Journal::new();
    let script = journal.script().tick(nothing()).tick(fails("disk full"));
    let running = start(registry! {
        "gc" => script.tick(nothing()).scheduled(secs(10)),
    });
    sleep(secs(45)).await;
    let status = running.handle().states().remove(0);
    let ticks = status.ticks.unwrap();
    assert_eq!((ticks.count, ticks.failures), (4, 1));
    assert_eq!(status.state, State::Running);
    assert!(status.error.is_none());

    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert!(outcome.failures().is_empty());
    assert_eq!(outcome.services()[0].ticks.as_ref().unwrap().count, 4);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_tick_is_the_services_failure_with_its_message() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(nothing()).tick(panics("index 7")).scheduled(secs(10)),
    });
    assert_eq!(
        running.wait().await.to_string(),
        "service `gc` panicked in tick: index 7"
    );
    assert_eq!(journal.now(), secs(20));
    let outcome = running.stop().await;
    let error = &outcome.failures()[0];
    assert_eq!(error.phase(), Phase::Tick);
    assert!(matches!(error.fault(), Fault::Panic(message) if message == "index 7"));
    assert_eq!(journal.count("gc: drain done"), 1, "drained all the same");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_any_hook_is_caught_and_named() {
    let boom = || panics("boom");
    let journal = Journal::new();
    let script = || journal.script();
    let cases = [
        (
            "startup",
            start(registry! { "s" => script().startup(boom()).idle(), }),
        ),
        (
            "startup",
            start(registry! { "s" => script().startup(boom()).worker(), }),
        ),
        (
            "startup",
            start(registry! { "s" => script().startup(boom()).scheduled(secs(1)), }),
        ),
        (
            "run",
            start(registry! { "s" => script().run(boom()).worker(), }),
        ),
        (
            "run",
            start(registry! { "s" => script().run(boom()).oneshot(), }),
        ),
        (
            "tick",
            start(registry! { "s" => script().tick(boom()).scheduled(secs(1)), }),
        ),
        (
            "task",
            start(registry! { "s" => script().startup(spawns(boom())).idle(), }),
        ),
        (
            "startup",
            start(registry! { "s" => script().run(boom()).custom(), }),
        ),
        (
            "drain",
            start(registry! { "s" => script().run(shuts_down()).drain(boom()).worker(), }),
        ),
    ];
    for (phase, running) in cases {
        running.wait().await;
        let outcome = running.stop().await;
        assert_eq!(
            outcome.failures()[0].to_string(),
            format!("service `s` panicked in {phase}: boom")
        );
        assert_eq!(outcome.services()[0].state, State::Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_zero_interval_is_a_start_error_that_names_service_and_field() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().scheduled(Duration::ZERO),
    });
    let error = running.await_healthy().await.unwrap_err().to_string();
    assert!(
        error.starts_with("service `gc` failed in startup: the interval `every` is zero"),
        "{error}"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(journal.all(), [""; 0], "no hook was called");
}

#[tokio::test(start_paused = true)]
async fn an_endless_interval_never_ticks_and_stops_at_once() {
    let journal = Journal::new();
    for endless in [
        Duration::MAX,
        Duration::from_secs(u64::MAX / 4),
        secs(1 << 40),
    ] {
        let running = start(registry! {
            "gc" => journal.script().scheduled(endless),
        });
        running.await_healthy().await.unwrap();
        sleep(secs(86_400 * 30)).await;
        let before = journal.now();
        running.stop().await.into_result().unwrap();
        assert_eq!(journal.now(), before);
    }
    assert_eq!(journal.count("gc: tick 1"), 0);
    assert_eq!(journal.count("gc: drain"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_tiny_interval_ticks_without_piling_up() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(takes(secs(1))).scheduled(Duration::from_nanos(1)),
    });
    sleep(millis(10_500)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("gc: drain"), 1);
    let ticks = journal.count("gc: tick 11") + journal.count("gc: tick 12");
    assert_eq!(ticks, 1, "ten whole ticks, and the one in flight");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_returns_before_it_is_asked_has_exited_early() {
    let journal = Journal::new();
    let running = start(registry! {
        "consumer" => journal.script().run(takes(secs(3))).worker(),
    });
    let reason = running.wait().await.to_string();
    assert!(
        reason.starts_with("service `consumer` exited early"),
        "{reason}"
    );
    let outcome = running.stop().await;
    assert!(matches!(outcome.failures()[0].fault(), Fault::ExitedEarly));
    assert_eq!(journal.count("consumer: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_service_keeps_its_first_cause() {
    let journal = Journal::new();
    let running = start(registry! {
        "s" => journal.script().run(takes(secs(1)).then(fails("first"))).drain(fails("second")).worker(),
    });
    let moves = Moves::watch(&running.handle());
    running.wait().await;
    let outcome = running.stop().await;
    let error = outcome.services()[0].error.clone().unwrap();
    assert_eq!(error.to_string(), "service `s` failed in run: first");
    assert_eq!(outcome.failures().len(), 2, "both come back");
    assert_eq!(
        moves.of("s").await,
        [
            State::Waiting,
            State::Starting,
            State::Running,
            State::Failed
        ],
        "failed is final"
    );
}

#[tokio::test(start_paused = true)]
async fn moves_are_seen_once_and_in_order_by_every_subscriber() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(takes(secs(1))).oneshot(),
        "api" => journal.script().worker(), after = ["migration"],
    });
    let handle = running.handle();
    let (early, other) = (Moves::watch(&handle), Moves::watch(&handle));
    running.await_healthy().await.unwrap();
    let late = Moves::watch(&handle);
    running.stop().await.into_result().unwrap();

    let expected = [
        "migration: new -> waiting",
        "api: new -> waiting",
        "migration: waiting -> starting",
        "migration: starting -> stopped",
        "api: waiting -> starting",
        "api: starting -> running",
        "api: running -> stopping",
        "api: stopping -> stopped",
    ];
    assert_eq!(early.all().await, expected);
    assert_eq!(other.all().await, expected);
    assert_eq!(late.all().await, expected[6..]);
    assert_eq!(
        Moves::watch(&handle).all().await,
        [""; 0],
        "the run is over"
    );
}

#[tokio::test(start_paused = true)]
async fn under_ignore_a_failed_service_drains_at_once_and_the_others_go_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "metrics" => journal.script().run(takes(secs(5)).then(fails("gone"))).drain(takes(secs(1))).worker(), on_failure = ignore,
        "api" => journal.script().worker(), after = ["metrics"],
    });
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    sleep(secs(20)).await;
    assert_eq!(journal.at("metrics: drain"), secs(5));
    assert_eq!(journal.at("metrics: drain done"), secs(6));
    assert_eq!(state_of(&handle, "metrics"), State::Failed);
    assert_eq!(state_of(&handle, "api"), State::Running);
    assert!(handle.is_healthy(), "it does not count");

    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.failures().len(), 1);
    assert_eq!(journal.count("metrics: drain"), 1);
}

#[tokio::test(start_paused = true)]
async fn under_shutdown_a_failed_service_drains_in_its_turn() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().run(takes(secs(5)).then(fails("gone"))).worker(),
        "api" => journal.script().drain(takes(secs(3))).idle(), after = ["store"],
    });
    running.wait().await;
    running.stop().await.into_result().unwrap_err();
    assert_eq!(journal.at("api: drain"), secs(5));
    assert_eq!(journal.at("store: drain"), secs(8), "after its dependent");
}

#[tokio::test(start_paused = true)]
async fn a_service_under_ignore_that_never_gets_ready_fails_its_dependents() {
    let journal = Journal::new();
    let running = start(registry! {
        "metrics" => journal.script().startup(fails("no port")).idle(), on_failure = ignore,
        "push" => journal.script().idle(), after = ["metrics"], on_failure = ignore,
        "api" => journal.script().idle(),
    });
    sleep(secs(5)).await;
    let handle = running.handle();
    assert_eq!(state_of(&handle, "metrics"), State::Failed);
    assert_eq!(state_of(&handle, "push"), State::Failed);
    assert_eq!(state_of(&handle, "api"), State::Running);
    assert_eq!(running.stop().await.exit_code(), 0);
    assert_eq!(journal.of("metrics"), ["startup", "startup failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_while_stopping_is_a_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        "s" => journal.script().run(until_stopped().then(fails("half-written"))).worker(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(
        outcome.failures()[0].to_string(),
        "service `s` failed in run: half-written"
    );
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(journal.of("s")[4..], ["drain", "drain done"]);
}
