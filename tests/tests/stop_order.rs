//! The way down, its order: rules 16 to 18 and 21.

use lifecycle::{OnFailure, Registry, State, registry};
use lifecycle_tests::{
    Journal, Moves, fails, hangs, nothing, panics, secs, spawns, start, state_of, states, takes,
    until_stopped,
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn readiness_turns_false_at_the_first_request_before_any_service_is_touched() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert!(handle.is_healthy());

    handle.shutdown();
    assert!(
        !handle.is_healthy(),
        "at once, without a turn of the scheduler"
    );
    assert_eq!(states(&handle), ["a: running"]);
    running.wait().await;
    sleep(secs(20)).await;
    assert_eq!(states(&handle), ["a: running"], "whoever owns it stops it");
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_delay_passes_before_any_service_is_touched() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(5),
        "gc" => journal.script().scheduled(secs(2)),
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let stopping = tokio::spawn(running.stop());
    sleep(secs(3)).await;
    assert!(!handle.is_healthy());
    assert_eq!(states(&handle), ["gc: running"]);
    assert_eq!(stopping.await.unwrap().exit_code(), 0);
    assert_eq!(journal.count("gc: tick 2"), 1, "it goes on meanwhile");
    assert_eq!(journal.at("gc: drain"), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_delay_counts_from_the_request_not_from_stop() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(5),
        "a" => journal.script().idle(),
    });
    running.await_healthy().await.unwrap();
    running.handle().shutdown();
    sleep(secs(3)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("a: drain"), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_delay_is_skipped_after_a_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(5),
        "a" => journal.script().idle(),
        "b" => journal.script().run(takes(secs(1)).then(fails("no"))).worker(),
    });
    running.wait().await;
    running.stop().await.into_result().unwrap_err();
    assert_eq!(journal.at("a: drain"), secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_during_the_shutdown_delay_ends_it() {
    let journal = Journal::new();
    let running = start(registry! {
        shutdown_delay = secs(10),
        "a" => journal.script().idle(),
        "b" => journal.script().run(takes(secs(4)).then(fails("no"))).worker(),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("a: drain"), secs(4));
    assert_eq!(outcome.reason().to_string(), "stop requested");
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn services_stop_in_reverse_order_of_dependency() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().drain(takes(secs(1))).idle(),
        "b" => journal.script().drain(takes(secs(2))).worker(), after = ["a"],
        "c" => journal.script().drain(takes(secs(3))).scheduled(secs(60)), after = ["b"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("c: drain"), secs(0));
    assert_eq!(journal.at("b: drain"), secs(3));
    assert_eq!(journal.at("a: drain"), secs(5));
    assert_eq!(journal.now(), secs(6));
}

#[tokio::test(start_paused = true)]
async fn independent_services_stop_concurrently() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "a" => journal.script().drain(takes(secs(4))).idle(), after = ["store"],
        "b" => journal.script().drain(takes(secs(3))).idle(), after = ["store"],
        "c" => journal.script().drain(takes(secs(5))).idle(),
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("store: drain"), secs(4), "not held up by c");
    assert_eq!(journal.now(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_service_waits_for_dependents_beyond_one_that_has_failed() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().run(takes(secs(1)).then(fails("no"))).worker(), after = ["a"], on_failure = ignore,
        "c" => journal.script().drain(takes(secs(4))).idle(), after = ["b"],
    });
    running.await_healthy().await.unwrap();
    sleep(secs(2)).await;
    assert_eq!(state_of(&running.handle(), "b"), State::Failed);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("b: drain"), secs(1));
    assert_eq!(journal.at("c: drain"), secs(2));
    assert_eq!(journal.at("a: drain"), secs(6), "c is down only now");
}

#[tokio::test(start_paused = true)]
async fn a_service_waits_for_dependents_beyond_one_that_has_finished() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "migration" => journal.script().oneshot(), after = ["store"],
        "api" => journal.script().drain(takes(secs(4))).idle(), after = ["migration"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("store: drain"), secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_started_does_not_break_the_chain() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().startup(hangs()).idle(), after = ["a"],
        "c" => journal.script().idle(), after = ["b"],
        "d" => journal.script().drain(takes(secs(3))).idle(), after = ["a"],
    });
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("a: drain"), secs(4), "after d");
}

#[tokio::test(start_paused = true)]
async fn the_order_is_the_same_on_request_failure_and_drop() {
    let mut orders = Vec::new();
    for cause in ["request", "failure", "drop"] {
        let journal = Journal::new();
        let last = match cause {
            "failure" => takes(secs(5)).then(fails("no")),
            _ => until_stopped(),
        };
        let running = start(registry! {
            "a" => journal.script().drain(takes(secs(1))).idle(),
            "b" => journal.script().drain(takes(secs(1))).idle(), after = ["a"],
            "c" => journal.script().drain(takes(secs(1))).idle(), after = ["a"],
            "d" => journal.script().run(last).drain(takes(secs(1))).worker(), after = ["b", "c"],
        });
        let moves = Moves::watch(&running.handle());
        sleep(secs(5)).await;
        match cause {
            "drop" => drop(running),
            _ => drop(running.stop().await),
        }
        moves.all().await;
        let drains = |entry: &lifecycle_tests::Entry| entry.what.ends_with("drain");
        let drains = journal.entries().into_iter().filter(drains);
        orders.push(
            drains
                .map(|entry| (entry.at, entry.to_string()))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(orders[0].len(), 8);
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[0], orders[2]);
}

#[tokio::test(start_paused = true)]
async fn drain_never_overlaps_a_tick() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => journal.script().tick(takes(secs(6))).drain(takes(secs(1))).scheduled(secs(10)),
    });
    sleep(secs(11)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.of("gc")[2..],
        ["tick 1", "tick 1 done", "drain", "drain done"]
    );
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_run_and_for_every_spawned_task() {
    let journal = Journal::new();
    let task = until_stopped().then(takes(secs(5)));
    let running = start(registry! {
        "api" => journal.script().run(spawns(task).then(until_stopped()).then(takes(secs(2)))).worker(),
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("api: run done"), secs(2));
    assert_eq!(journal.at("api: task done"), secs(5));
    assert_eq!(journal.at("api: drain"), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_stop_channel_closes_only_in_the_services_turn() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().worker(),
        "api" => journal.script().drain(takes(secs(3))).worker(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("api: run done"), secs(0));
    assert_eq!(journal.at("store: run done"), secs(3));
}

#[tokio::test(start_paused = true)]
async fn stopping_takes_no_longer_than_the_work() {
    let journal = Journal::new();
    let mut builder = Registry::builder().service("s-0", journal.script().idle());
    for link in 1..50 {
        builder = builder
            .service(format!("s-{link}"), journal.script().idle())
            .after([format!("s-{}", link - 1)]);
    }
    let running = start(builder.build().unwrap());
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.now(), secs(0), "no fixed sleeps, no polling");
}

#[tokio::test(start_paused = true)]
async fn every_drain_runs_though_others_fail_or_panic_and_all_errors_come_back() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().drain(fails("a is full")).idle(),
        "b" => journal.script().drain(panics("b broke")).idle(), after = ["a"],
        "c" => journal.script().run(takes(secs(1)).then(fails("c first"))).drain(fails("c again")).worker(), after = ["b"],
        "d" => journal.script().idle(), after = ["a"],
    });
    running.wait().await;
    let outcome = running.stop().await;
    for drain in ["a: drain", "b: drain", "c: drain", "d: drain"] {
        assert_eq!(journal.count(drain), 1, "{drain}");
    }
    let texts: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "service `c` failed in run: c first",
            "service `c` failed in drain: c again",
            "service `b` panicked in drain: b broke",
            "service `a` failed in drain: a is full",
        ]
    );
    assert_eq!(outcome.services()[3].state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stop_future_changes_nothing() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().drain(takes(secs(5))).idle(), after = ["a"],
    });
    running.await_healthy().await.unwrap();
    let moves = Moves::watch(&running.handle());
    let gave_up = tokio::time::timeout(secs(1), running.stop()).await;
    assert!(gave_up.is_err());
    moves.all().await;
    assert_eq!(journal.at("a: drain done"), secs(5));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_handle_changes_nothing() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().idle(), });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    drop(running.handle());
    drop(handle.clone());
    sleep(secs(60)).await;
    assert!(handle.is_healthy());
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_is_asked_to_stop_only_once() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service(
            "a",
            journal
                .script()
                .run(takes(secs(1)).then(fails("no")))
                .custom(),
        )
        .on_failure(OnFailure::Ignore)
        .service("b", journal.script().run(nothing()).custom())
        .service("c", journal.script().custom())
        .build();
    let running = start(registry.unwrap());
    running.wait().await;
    sleep(secs(5)).await;
    running.stop().await.into_result().unwrap_err();
    for stop in ["a: stop", "b: stop", "c: stop"] {
        assert_eq!(journal.count(stop), 1, "{stop}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_of_the_entries_does_not_matter() {
    let journal = Journal::new();
    let running = start(registry! {
        "d" => journal.script().idle(), after = ["c"], on_failure = ignore,
        "c" => journal.script().idle(), after = ["b"], on_failure = ignore,
        "b" => journal.script().startup(fails("no")).idle(), after = ["a"], on_failure = ignore,
        "a" => journal.script().drain(takes(secs(1))).idle(),
    });
    sleep(secs(1)).await;
    assert_eq!(
        states(&running.handle()),
        ["d: failed", "c: failed", "b: failed", "a: running"]
    );
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("a: drain done"), secs(2));
}
