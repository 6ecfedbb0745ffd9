//! Rule 28: dependents of a service that is restarted.

use lifecycle::{OnFailure, Registry, State};
use lifecycle_tests::{Journal, Moves, hangs, millis, nothing, secs, state_of, takes};
use tokio::time::sleep;

use crate::runs::{Runs, fails_after, policy, reaches, runs_on, started, status};

fn failing(journal: &Journal) -> impl lifecycle::Service {
    Runs::new(journal, [fails_after(secs(1)), runs_on()]).worker()
}

fn steady(journal: &Journal) -> impl lifecycle::Service {
    let drains = [takes(secs(1))];
    Runs::of(journal, [nothing()], [runs_on()], drains).worker()
}

#[tokio::test(start_paused = true)]
async fn dependents_that_run_are_left_alone_and_waiting_ones_wait_on() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("store", failing(&journal))
        .on_failure(policy())
        .service("slow", journal.script().startup(takes(secs(2))).idle())
        .service("api", steady(&journal))
        .after(["store"])
        .service("late", steady(&journal))
        .after(["store", "slow"]);
    let running = lifecycle_tests::start(registry.build().unwrap());
    let moves = Moves::watch(&running.handle());
    sleep(secs(2)).await;
    running.await_healthy().await.unwrap();
    assert_eq!(journal.count("api: startup"), 1);
    assert_eq!(journal.count("late: startup"), 1);
    running.stop().await.into_result().unwrap();
    let seen = moves.all().await;
    let back = seen
        .iter()
        .rposition(|seen| seen == "store: starting -> running");
    let late = seen
        .iter()
        .position(|seen| seen == "late: waiting -> starting");
    assert!(back < late, "{seen:#?}");
}

#[tokio::test(start_paused = true)]
async fn those_that_restart_with_it_stop_first_and_start_after_and_so_on() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("store", failing(&journal))
        .on_failure(policy())
        .service("cache", steady(&journal))
        .after(["store"])
        .restart_with(["store"])
        .service("api", steady(&journal))
        .after(["cache"])
        .restart_with(["cache"])
        .service("web", steady(&journal))
        .after(["api"]);
    let running = started(registry).await;
    let handle = running.handle();
    let moves = Moves::watch(&handle);
    reaches(&handle, "store", State::Backoff).await;
    assert!(!handle.is_healthy());
    assert_eq!(state_of(&handle, "api"), State::Waiting);
    assert_eq!(state_of(&handle, "web"), State::Running);
    running.await_healthy().await.unwrap();
    for name in ["cache", "api"] {
        let shown = status(&handle, name);
        assert_eq!((shown.restarts, shown.restarts_in_a_row), (1, 0), "{name}");
        assert!(shown.last_error.is_none());
    }
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    let restarted: Vec<_> = outcome
        .restarted()
        .map(|status| status.name.as_str())
        .collect();
    assert_eq!(restarted, ["store", "cache", "api"]);
    let seen = moves.all().await;
    assert_eq!(
        seen[..16],
        [
            "store: running -> stopping",
            "api: running -> stopping",
            "api: stopping -> backoff",
            "api: backoff -> waiting",
            "cache: running -> stopping",
            "cache: stopping -> backoff",
            "cache: backoff -> waiting",
            "store: stopping -> backoff",
            "store: backoff -> starting",
            "store: starting -> running",
            "cache: waiting -> starting",
            "cache: starting -> running",
            "api: waiting -> starting",
            "api: starting -> running",
            "web: running -> stopping",
            "web: stopping -> stopped",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn it_costs_them_nothing_of_their_own_budget() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service(
            "store",
            Runs::new(&journal, [fails_after(secs(5))]).worker(),
        )
        .on_failure(policy().forever())
        .service("api", steady(&journal))
        .after(["store"])
        .restart_with(["store"])
        .on_failure(policy().max(1));
    let running = started(registry).await;
    sleep(secs(300)).await;
    let shown = status(&running.handle(), "api");
    assert!(
        shown.restarts > 30 && shown.restarts_in_a_row == 0,
        "{shown:?}"
    );
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_dependent_of_any_policy_that_is_late_is_final_and_the_service_is_restarted_after_it() {
    let journal = Journal::new();
    let late = Runs::of(&journal, [nothing()], [runs_on()], [hangs()]).worker();
    let registry = Registry::builder()
        .service("store", failing(&journal))
        .on_failure(policy())
        .service("api", late)
        .after(["store"])
        .restart_with(["store"])
        .on_failure(OnFailure::Ignore);
    let running = started(registry).await;
    let handle = running.handle();
    reaches(&handle, "api", State::Failed).await;
    reaches(&handle, "store", State::Running).await;
    assert!(handle.is_healthy());
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards().len(), 1);
    assert_eq!(outcome.exit_code(), 1, "a laggard is unclean");
}

#[tokio::test(start_paused = true)]
async fn by_hand_they_are_restarted_with_it_too() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("store", steady(&journal))
        .service("api", steady(&journal))
        .after(["store"])
        .restart_with(["store"]);
    let running = started(registry).await;
    let handle = running.handle();
    handle.restart("store").await.unwrap();
    running.await_healthy().await.unwrap();
    assert_eq!(journal.count("api: startup done"), 2);
    handle.restart("api").await.unwrap();
    assert_eq!(
        journal.count("store: startup done"),
        2,
        "not the other way round"
    );
    assert_eq!(journal.count("api: startup done"), 3);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_stops_all_in_their_order() {
    for at in (0..40).map(|tenths| millis(1001 + tenths * 100)) {
        let journal = Journal::new();
        let registry = Registry::builder()
            .service("store", failing(&journal))
            .on_failure(policy())
            .service("cache", steady(&journal))
            .after(["store"])
            .restart_with(["store"])
            .service("api", steady(&journal))
            .after(["cache"])
            .restart_with(["cache"]);
        let running = started(registry).await;
        sleep(at).await;
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{at:?}: {outcome}");
        for name in ["store", "cache", "api"] {
            assert_eq!(
                journal.count(&format!("{name}: drain done")),
                journal.count(&format!("{name}: startup done")),
                "{name} at {at:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_restarts_with_it_and_goes_down_for_good_is_waited_for() {
    let journal = Journal::new();
    let cache = Runs::of(
        &journal,
        [nothing()],
        [fails_after(millis(500))],
        [takes(secs(1))],
    );
    let registry = Registry::builder()
        .service("store", failing(&journal))
        .on_failure(policy())
        .service("cache", cache.worker())
        .after(["store"])
        .restart_with(["store"])
        .on_failure(OnFailure::Ignore);
    let running = started(registry).await;
    sleep(secs(3)).await;
    running.stop().await.into_result().unwrap();
    let lines = journal.timed();
    let place = |line: &str| lines.iter().position(|written| written == line);
    assert!(place("1.5s cache: drain done").is_some(), "{lines:#?}");
    let drained = place("1.5s cache: drain done") < place("1.5s store: drain");
    assert!(drained, "{lines:#?}");
}

/// What needs a oneshot is stopped first. A oneshot that succeeds in that time would do its work twice.
#[tokio::test(start_paused = true)]
async fn a_oneshot_that_succeeds_before_its_turn_to_stop_is_not_run_again() {
    let journal = Journal::new();
    let warm = journal.script().run(takes(millis(1_500)));
    let registry = Registry::builder()
        .service("store", failing(&journal))
        .on_failure(policy())
        .service("warm", warm.background())
        .after(["store"])
        .restart_with(["store"])
        .service("api", steady(&journal))
        .after(["warm"])
        .restart_with(["warm"]);
    let running = started(registry).await;
    let handle = running.handle();
    let moves = Moves::watch(&handle);
    reaches(&handle, "store", State::Backoff).await;
    running.await_healthy().await.unwrap();
    let warm = status(&handle, "warm");
    assert!(warm.succeeded && warm.is_healthy(), "{warm:?}");
    assert_eq!(journal.count("warm: run"), 1);
    assert_eq!(journal.count("api: startup"), 2);
    running.stop().await.into_result().unwrap();
    let seen = moves.all().await;
    assert_eq!(
        seen[..8],
        [
            "store: running -> stopping",
            "api: running -> stopping",
            "warm: running -> stopped",
            "api: stopping -> backoff",
            "api: backoff -> starting",
            "api: starting -> running",
            "store: stopping -> backoff",
            "store: backoff -> starting",
        ],
        "{seen:#?}"
    );
}
