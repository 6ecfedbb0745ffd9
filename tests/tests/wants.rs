//! Order without need: rules 5, 6 and 17 for `wants`.
//!
//! The kind of fault this is about: a service that the application can do without, and that its dependents can do
//! without, took them down with it, because a dependency could only be a need. To it belong every way to fail before
//! one is up (an error, a panic, an early end, the start timeout, a need of its own that failed), every shape, what is
//! wanted directly and further on, both kinds on one service, and the stop, where the order must hold all the same.

use lifecycle::{OnFailure, Reason, Registry, State, registry};
use lifecycle_tests::{
    Journal, Moves, fails, hangs, nothing, panics, secs, start, state_of, states, takes,
    until_stopped,
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn one_that_wants_another_starts_when_that_is_running() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().idle(), wants = ["cache"], after = ["store"],
        "cache" => journal.script().startup(takes(secs(5))).idle(),
        "store" => journal.script().startup(takes(secs(2))).idle(),
    });
    sleep(secs(4)).await;
    let handle = running.handle();
    assert_eq!(
        states(&handle),
        ["api: waiting", "cache: starting", "store: running"]
    );
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("api: startup"), secs(5));
}

#[tokio::test(start_paused = true)]
async fn one_that_wants_a_oneshot_starts_when_that_has_succeeded_or_failed() {
    for run in [takes(secs(3)), takes(secs(3)).then(fails("no rows"))] {
        let journal = Journal::new();
        let running = start(registry! {
            "warm" => journal.script().run(run).oneshot(), on_failure = ignore,
            "api" => journal.script().idle(), wants = ["warm"],
        });
        running.await_healthy().await.unwrap();
        assert_eq!(journal.at("api: startup"), secs(3));
        assert_eq!(running.stop().await.exit_code(), 0);
    }
}

/// Every way to end before one is up.
#[tokio::test(start_paused = true)]
async fn one_that_wants_another_goes_on_at_once_when_that_fails() {
    let ways = [
        takes(secs(2)).then(fails("refused")),
        takes(secs(2)).then(panics("refused")),
        hangs(),
    ];
    for startup in ways {
        for kind in 0..3 {
            let journal = Journal::new();
            let script = journal.script().startup(startup.clone());
            let builder = Registry::builder();
            let builder = match kind {
                0 => builder.service("cache", script.idle()),
                1 => builder.service("cache", script.worker()),
                _ => builder.service("cache", script.scheduled(secs(9))),
            };
            let registry = builder
                .start_timeout(secs(2))
                .on_failure(OnFailure::Ignore)
                .service("api", journal.script().idle())
                .wants(["cache"])
                .build();
            let running = start(registry.unwrap());
            running.await_healthy().await.unwrap();
            assert_eq!(journal.at("api: startup"), secs(2), "{startup:?}");
            assert_eq!(state_of(&running.handle(), "cache"), State::Failed);
            let outcome = running.stop().await;
            assert_eq!(outcome.exit_code(), 0, "{outcome}");
            assert_eq!(outcome.failures().len(), 1, "it is listed all the same");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_started_for_want_of_a_need_holds_nobody_up() {
    let journal = Journal::new();
    let running = start(registry! {
        "disk" => journal.script().startup(takes(secs(1)).then(fails("no disk"))).idle(), on_failure = ignore,
        "cache" => journal.script().idle(), after = ["disk"], on_failure = ignore,
        "api" => journal.script().idle(), wants = ["cache"],
        "page" => journal.script().idle(), after = ["api"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(
        states(&running.handle()),
        [
            "disk: failed",
            "cache: failed",
            "api: running",
            "page: running"
        ]
    );
    assert_eq!(journal.of("cache"), [""; 0], "never called");
    assert_eq!(journal.at("page: startup"), secs(1));
}

#[tokio::test(start_paused = true)]
async fn one_that_needs_what_is_ignored_obeys_its_own_policy() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => journal.script().startup(takes(secs(1)).then(fails("no memory"))).idle(), on_failure = ignore,
        "api" => journal.script().idle(), after = ["cache"],
        "page" => journal.script().idle(), wants = ["api"],
    });
    let error = running.await_healthy().await.unwrap_err().to_string();
    let told = "service `api` was not started: it depends on `cache`, which failed";
    assert_eq!(error, told);
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::Failure(error) if error.service() == "api"));
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(journal.of("page"), [""; 0], "nothing starts any more");
}

#[tokio::test(start_paused = true)]
async fn one_that_wants_what_ends_the_application_never_starts() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(1)).then(fails("no disk"))).idle(),
        "api" => journal.script().idle(), wants = ["store"],
    });
    running.wait().await;
    sleep(secs(5)).await;
    assert_eq!(state_of(&running.handle(), "api"), State::Waiting);
    assert_eq!(running.stop().await.exit_code(), 1);
    assert_eq!(journal.of("api"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_wanted_service_that_fails_later_is_no_concern_of_those_that_want_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => journal.script().run(takes(secs(3)).then(fails("gone"))).worker(), on_failure = ignore,
        "api" => journal.script().idle(), wants = ["cache"],
    });
    sleep(secs(9)).await;
    assert_eq!(journal.count("api: startup"), 1);
    assert_eq!(state_of(&running.handle(), "api"), State::Running);
    assert!(running.handle().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn a_wanted_service_stops_after_those_that_want_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => journal.script().idle(),
        "api" => journal.script().drain(takes(secs(2))).idle(), wants = ["cache"],
        "page" => journal.script().drain(takes(secs(3))).idle(), after = ["api"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("api: drain"), secs(3));
    assert_eq!(journal.at("cache: drain"), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_stop_goes_through_one_that_failed_for_those_that_want_it() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "cache" => journal.script().startup(fails("no memory")).idle(), after = ["store"], on_failure = ignore,
        "api" => journal.script().drain(takes(secs(2))).idle(), wants = ["cache"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.at("store: drain"),
        secs(2),
        "after `api`, through `cache`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_one_waits_for_what_it_wants_is_obeyed_at_once() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => journal.script().startup(hangs()).idle(), on_failure = ignore,
        "api" => journal.script().idle(), wants = ["cache"],
    });
    let moves = Moves::watch(&running.handle());
    sleep(secs(3)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.now(), secs(3));
    assert_eq!(moves.of("api").await, [State::Waiting, State::Stopped]);
}

/// The registry of the README.
#[tokio::test(start_paused = true)]
async fn an_application_serves_without_its_cache() {
    let journal = Journal::new();
    let serve = until_stopped();
    let running = start(registry! {
        deadline = "25s",
        "log" => journal.script().startup(takes(secs(1))).idle(), before = all,
        "store" => journal.script().idle(),
        "cache" => journal.script().startup(fails("connection refused")).idle(), after = ["store"], on_failure = ignore,
        "api" => journal.script().startup(nothing()).run(serve).worker(), after = ["store"], wants = ["cache"],
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert!(handle.is_healthy());
    assert_eq!(
        states(&handle),
        [
            "log: running",
            "store: running",
            "cache: failed",
            "api: running"
        ]
    );
    assert_eq!(journal.at("store: startup"), secs(1));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    let stopped: Vec<_> = journal.all().split_off(journal.all().len() - 4);
    assert_eq!(
        stopped,
        [
            "store: drain",
            "store: drain done",
            "log: drain",
            "log: drain done"
        ]
    );
    assert_eq!(
        outcome.failures()[0].to_string(),
        "service `cache` failed in startup: connection refused"
    );
}
