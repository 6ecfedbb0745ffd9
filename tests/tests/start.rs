//! The way up: rules 5 to 9.

use std::time::Duration;

use lifecycle::{Fault, HealthError, Phase, Registry, State, registry};
use lifecycle_tests::{
    Journal, Moves, degrades, fails, hangs, millis, panics, secs, spawns, start, state_of, states,
    takes, yields,
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn independent_services_start_concurrently() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(takes(secs(3))).idle(),
        "b" => journal.script().startup(takes(secs(5))).worker(),
        "c" => journal.script().startup(takes(secs(4))).scheduled(secs(60)),
    });
    running.await_healthy().await.unwrap();

    assert_eq!(journal.now(), secs(5), "the slowest, not the sum");
    assert_eq!(journal.at("a: startup"), secs(0));
    assert_eq!(journal.at("b: startup"), secs(0));
    assert_eq!(journal.at("c: startup"), secs(0));
}

#[tokio::test(start_paused = true)]
async fn a_dependent_starts_when_its_dependency_is_running() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().idle(), after = ["store"],
        "store" => journal.script().startup(takes(secs(5))).idle(),
    });
    sleep(secs(4)).await;
    let handle = running.handle();
    assert_eq!(states(&handle), ["api: waiting", "store: starting"]);

    running.await_healthy().await.unwrap();
    assert_eq!(
        journal.timed(),
        [
            "0ns store: startup",
            "5s store: startup done",
            "5s api: startup",
            "5s api: startup done",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_dependent_waits_for_the_last_of_its_dependencies() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(takes(secs(2))).idle(),
        "b" => journal.script().startup(takes(secs(7))).idle(),
        "c" => journal.script().idle(), after = ["a", "b"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("c: startup"), secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_dependent_of_a_oneshot_starts_once_it_has_succeeded() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(takes(secs(9))).oneshot(),
        "api" => journal.script().idle(), after = ["migration"],
    });
    let handle = running.handle();
    sleep(secs(8)).await;
    assert_eq!(states(&handle), ["migration: starting", "api: waiting"]);
    assert!(!handle.is_healthy());

    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("api: startup"), secs(9));
    assert_eq!(states(&handle), ["migration: stopped", "api: running"]);
    assert!(handle.is_healthy(), "a oneshot that succeeded is healthy");
    assert!(
        handle
            .states()
            .iter()
            .all(lifecycle::ServiceStatus::is_healthy)
    );
}

#[tokio::test(start_paused = true)]
async fn total_start_time_is_the_longest_path() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(takes(secs(1))).idle(),
        "b" => journal.script().startup(takes(secs(2))).idle(), after = ["a"],
        "c" => journal.script().startup(takes(secs(4))).idle(), after = ["b"],
        "d" => journal.script().startup(takes(secs(6))).idle(), after = ["a"],
        "e" => journal.script().startup(takes(secs(1))).idle(), after = ["c", "d"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(1 + 2 + 4 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_fails_before_ready_fails_its_dependents_with_both_names() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(1)).then(fails("no disk"))).idle(),
        "cache" => journal.script().idle(), after = ["store"],
        "api" => journal.script().worker(), after = ["cache"],
    });
    let outcome = {
        running.wait().await;
        running.stop().await
    };

    let texts: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "service `store` failed in startup: no disk",
            "service `cache` was not started: it depends on `store`, which failed",
            "service `api` was not started: it depends on `store`, which failed",
        ]
    );
    let api = &outcome.failures()[2];
    assert_eq!(api.service(), "api");
    assert!(matches!(api.fault(), Fault::Dependency(name) if name == "store"));
    assert_eq!(journal.all(), ["store: startup", "store: startup failed"]);
    assert!(
        outcome
            .services()
            .iter()
            .all(|status| status.state == State::Failed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_fails_fails_its_dependents() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(fails("bad schema")).oneshot(),
        "api" => journal.script().idle(), after = ["migration"],
    });
    let error = running.await_healthy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `migration` failed in run: bad schema"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 2);
    assert_eq!(journal.all(), ["migration: run", "migration: run failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_once_it_was_ready_does_not_fail_its_dependents() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(takes(secs(5)).then(fails("gone"))).worker(),
        "b" => journal.script().startup(takes(secs(1))).idle(), after = ["a"],
    });
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.failures().len(), 1);
    assert_eq!(outcome.services()[1].state, State::Stopped);
    assert_eq!(journal.count("b: drain"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_immediate_failure_never_shows_as_running() {
    let journal = Journal::new();
    let scripts = [
        ("fail", fails("no")),
        ("panic", panics("no")),
        ("exit", lifecycle_tests::nothing()),
    ];
    for (what, run) in scripts {
        let running = start(registry! {
            "a" => journal.script().run(run).worker(),
            "b" => journal.script().idle(), after = ["a"],
        });
        let moves = Moves::watch(&running.handle());
        running.wait().await;
        assert_eq!(running.stop().await.exit_code(), 1, "{what}");
        assert_eq!(
            moves.all().await,
            [
                "a: new -> waiting",
                "b: new -> waiting",
                "a: waiting -> starting",
                "a: starting -> failed",
                "b: waiting -> failed",
            ],
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_start_timeout_fails_the_service_by_name() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(hangs()).idle(), start_timeout = secs(7),
        "api" => journal.script().idle(), after = ["store"],
    });
    let error = running.await_healthy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `store` was not ready within 7s (`start_timeout`): its `startup` has not returned"
    );
    assert_eq!(journal.now(), secs(7));
    tokio::task::yield_now().await;
    assert_eq!(journal.at("store: startup dropped"), secs(7));

    let outcome = running.stop().await;
    assert_eq!(outcome.failures()[0].phase(), Phase::Startup);
    assert!(outcome.laggards().is_empty(), "it failed, it was not late");
    assert_eq!(journal.count("store: drain"), 0, "it never started up");
}

#[tokio::test(start_paused = true)]
async fn the_start_timeout_is_ninety_seconds_unless_set() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(hangs()).idle(),
    });
    running.wait().await;
    assert_eq!(journal.now(), secs(90));
}

#[tokio::test(start_paused = true)]
async fn the_start_timeout_does_not_cover_the_wait_for_dependencies() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(60))).idle(),
        "api" => journal.script().startup(takes(secs(4))).idle(), after = ["store"], start_timeout = secs(5),
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(64));
}

#[tokio::test(start_paused = true)]
async fn the_start_timeout_does_not_cover_run_nor_by_default_the_run_of_a_oneshot() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(takes(secs(500))).oneshot(),
        "consumer" => journal.script().worker(), start_timeout = secs(5),
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(500));
}

#[tokio::test(start_paused = true)]
async fn a_start_timeout_that_is_written_covers_the_run_of_a_oneshot() {
    for by_builder in [false, true] {
        let journal = Journal::new();
        let migration = journal.script().run(hangs()).oneshot();
        let api = journal.script().idle();
        let registry = if by_builder {
            let builder = Registry::builder().service("migration", migration);
            let builder = builder.start_timeout(secs(5)).service("api", api);
            builder.after(["migration"]).build().unwrap()
        } else {
            registry! {
                "migration" => migration, start_timeout = "5s",
                "api" => api, after = ["migration"],
            }
        };
        let running = start(registry);
        let error = running.await_healthy().await.unwrap_err().to_string();
        assert_eq!(
            error,
            "service `migration` was not ready within 5s (`start_timeout`): its `run` has not returned"
        );
        assert_eq!(journal.now(), secs(5));
        tokio::task::yield_now().await;
        assert_eq!(journal.at("migration: run dropped"), secs(5));
        let outcome = running.stop().await;
        assert_eq!(outcome.failures()[0].phase(), Phase::Run);
        assert!(
            outcome.laggards().is_empty(),
            "it failed, it was not late: {outcome}"
        );
        assert_eq!(journal.of("api"), [""; 0], "never started");
    }
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_is_done_within_its_start_timeout_is_in_time() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(takes(millis(4_999))).oneshot(), start_timeout = "5s",
        "endless" => journal.script().run(takes(secs(200))).oneshot(), start_timeout = Duration::MAX,
        "api" => journal.script().idle(), after = ["migration", "endless"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(200));
    sleep(secs(60)).await;
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_under_ignore_that_runs_out_of_time_fails_and_is_not_late() {
    let journal = Journal::new();
    let run = spawns(hangs()).then(hangs());
    let running = start(registry! {
        "seed" => journal.script().run(run).oneshot(), start_timeout = "5s", on_failure = ignore,
        "api" => journal.script().idle(),
    });
    sleep(secs(20)).await;
    assert_eq!(state_of(&running.handle(), "seed"), State::Failed);
    let outcome = running.stop().await;
    assert!(outcome.laggards().is_empty(), "{outcome}");
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn a_startup_that_says_what_it_waits_for_says_so_in_the_start_timeout() {
    let journal = Journal::new();
    let startup = degrades("the broker is away").then(hangs());
    let running = start(registry! {
        "feed" => journal.script().startup(startup).idle(), start_timeout = "7s",
    });
    let error = running.await_healthy().await.unwrap_err().to_string();
    assert!(error.contains("within 7s (`start_timeout`)"), "{error}");
    assert!(
        error.ends_with("it is degraded: the broker is away"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_startup_that_ends_just_before_its_timeout_is_in_time() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(millis(4_999))).idle(), start_timeout = secs(5),
    });
    assert!(running.await_healthy().await.is_ok());
    sleep(secs(60)).await;
    assert!(running.handle().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_stops_in_order_what_has_started() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().drain(takes(secs(1))).idle(), after = ["a"],
        "c" => journal.script().startup(takes(secs(2)).then(fails("no"))).idle(), after = ["b"],
        "d" => journal.script().idle(), after = ["c"],
        "e" => journal.script().startup(takes(secs(9))).idle(),
        "f" => journal.script().idle(), after = ["e"],
    });
    running.wait().await;
    let outcome = running.stop().await;

    journal.assert_order(&["b: drain", "b: drain done", "a: drain"]);
    assert_eq!(journal.of("c"), ["startup", "startup failed"]);
    assert_eq!(journal.of("d"), [""; 0], "never started, not touched");
    assert_eq!(journal.of("e"), ["startup", "startup dropped"]);
    assert_eq!(journal.of("f"), [""; 0], "waiting ones never start");
    assert_eq!(outcome.services()[5].state, State::Stopped);
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_requested_during_start_is_obeyed_at_once() {
    let journal = Journal::new();
    let running = start(registry! {
        "ready" => journal.script().drain(takes(secs(1))).idle(),
        "slow" => journal.script().startup(takes(secs(60))).idle(), after = ["ready"],
        "next" => journal.script().idle(), after = ["slow"],
    });
    sleep(secs(10)).await;
    let outcome = running.stop().await;

    assert_eq!(
        journal.timed(),
        [
            "0ns ready: startup",
            "0ns ready: startup done",
            "0ns slow: startup",
            "10s slow: startup dropped",
            "10s ready: drain",
            "11s ready: drain done",
        ]
    );
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    let all_stopped = |status: &lifecycle::ServiceStatus| status.state == State::Stopped;
    assert!(outcome.services().iter().all(all_stopped), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_first_poll_starts_nothing() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().idle(), after = ["a"],
    });
    let moves = Moves::watch(&running.handle());
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(journal.count("b: startup"), 0, "{:?}", journal.all());
    assert_eq!(
        journal.count("a: startup done"),
        journal.count("a: drain done")
    );
    let last = moves.collect().await.pop().unwrap();
    assert_eq!(last.to, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_once_a_stop_was_requested_though_nobody_has_called_stop_yet() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(takes(secs(5))).idle(),
        "b" => journal.script().idle(), after = ["a"],
    });
    let handle = running.handle();
    sleep(secs(1)).await;
    handle.shutdown();
    sleep(secs(20)).await;
    assert_eq!(state_of(&handle, "b"), State::Waiting);
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.of("b"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn await_healthy_tells_why_it_never_will_be() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(yields().then(panics("bad page"))).idle(),
        "api" => journal.script().idle(), after = ["store"],
    });
    let error = running.await_healthy().await.unwrap_err();
    assert!(matches!(&error, HealthError::Service(of) if of.service() == "store"));
    assert_eq!(
        error.to_string(),
        "service `store` panicked in startup: bad page"
    );
}

#[tokio::test(start_paused = true)]
async fn await_healthy_ends_when_the_application_is_asked_to_stop() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(60))).idle(),
    });
    let handle = running.handle();
    tokio::spawn(async move {
        sleep(secs(3)).await;
        handle.shutdown();
    });
    let error = running.await_healthy().await.unwrap_err();
    assert!(matches!(error, HealthError::Stopping(_)), "{error}");
    assert_eq!(journal.now(), secs(3));
}
