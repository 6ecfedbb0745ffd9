//! What supervisors elsewhere promise, held against ours: the intensity of restarts, children that are always, never or
//! only after a failure restarted, those that restart with another, a shutdown in the middle, a child that can't be
//! stopped.

use lifecycle::{OnFailure, Registry, Restart, State, Then};
use lifecycle_tests::{Act, Hook, Journal, hangs, millis, nothing, secs, spawns, state_of, takes};
use tokio::time::{Instant, sleep};

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

#[tokio::test(start_paused = true)]
async fn the_intensity_is_counted_for_each_service_alone() {
    let journal = Journal::new();
    let mut registry = Registry::builder();
    for index in 0..5 {
        registry = registry
            .service(
                format!("feed-{index}"),
                Runs::new(
                    &journal,
                    [fails_after(secs(1)), fails_after(secs(1)), runs_on()],
                )
                .worker(),
            )
            .on_failure(policy().max(2));
    }
    let running = started(registry).await;
    sleep(secs(30)).await;
    running.await_healthy().await.unwrap();
    assert!(
        running
            .handle()
            .states()
            .iter()
            .all(|status| status.restarts == 2)
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_failure_that_is_one_too_many_ends_all_in_order() {
    let journal = Journal::new();
    let registry = alone(
        Runs::new(&journal, [fails_after(secs(1))]).worker(),
        policy().max(2),
    )
    .service("api", journal.script().idle())
    .after(["feed"]);
    let running = started(registry).await;
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    let lines = journal.begun();
    let api = lines.iter().position(|line| line == "api: drain").unwrap();
    let feed = lines
        .iter()
        .rposition(|line| line == "feed: drain")
        .unwrap();
    assert!(api < feed, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_restarted_ends_the_application_or_is_done_without() {
    let journal = Journal::new();
    for (policy, state) in [
        (OnFailure::Shutdown, None),
        (OnFailure::Ignore, Some(State::Running)),
    ] {
        let registry = Registry::builder()
            .service("once", Runs::new(&journal, [fails_after(secs(1))]).worker())
            .on_failure(policy)
            .service("api", journal.script().custom());
        let running = started(registry).await;
        sleep(secs(5)).await;
        assert_eq!(state_of(&running.handle(), "once"), State::Failed);
        if let Some(state) = state {
            assert_eq!(state_of(&running.handle(), "api"), state);
        }
        assert_eq!(running.stop().await.exit_code(), u8::from(state.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_done_is_not_restarted() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("job", journal.script().run(takes(secs(1))).oneshot())
        .on_failure(policy())
        .service("api", journal.script().custom());
    let running = started(registry).await;
    sleep(secs(60)).await;
    assert_eq!(journal.count("job: run"), 1);
    assert_eq!(status(&running.handle(), "job").restarts, 0);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_rest_for_one_is_told_by_restart_with() {
    // As children in a row, of which each restarts those after it.
    let journal = Journal::new();
    let steady = || Runs::new(&journal, [runs_on()]).worker();
    let second = Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker();
    let registry = Registry::builder()
        .service("first", steady())
        .service("second", second)
        .after(["first"])
        .restart_with(["first"])
        .on_failure(policy())
        .service("third", steady())
        .after(["second"])
        .restart_with(["second"])
        .service("fourth", steady())
        .after(["third"])
        .restart_with(["third"]);
    let running = started(registry).await;
    sleep(secs(10)).await;
    running.await_healthy().await.unwrap();
    let restarts: Vec<_> = running
        .handle()
        .states()
        .iter()
        .map(|status| status.restarts)
        .collect();
    assert_eq!(restarts, [0, 1, 1, 1]);
    let starts: Vec<_> = journal
        .begun()
        .into_iter()
        .filter(|line| line.ends_with("startup"))
        .skip(4)
        .collect();
    assert_eq!(
        starts,
        ["second: startup", "third: startup", "fourth: startup"]
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_for_all_is_told_by_restart_with_as_well() {
    let journal = Journal::new();
    let mut registry = alone(
        Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        policy(),
    );
    for index in 0..10 {
        registry = registry
            .service(
                format!("shard-{index}"),
                Runs::new(&journal, [runs_on()]).worker(),
            )
            .after(["feed"])
            .restart_with(["feed"]);
    }
    let running = started(registry).await;
    sleep(secs(10)).await;
    running.await_healthy().await.unwrap();
    assert!(
        running
            .handle()
            .states()
            .iter()
            .all(|status| status.restarts == 1)
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_in_each_step_of_a_restart_is_obeyed_at_once() {
    let steps = [State::Stopping, State::Backoff, State::Starting];
    for step in steps {
        let journal = Journal::new();
        let runs = Runs::of(
            &journal,
            [nothing(), hangs()],
            [fails_after(secs(1))],
            [takes(secs(1))],
        );
        let running = started(alone(runs.clone().worker(), policy())).await;
        reaches(&running.handle(), "feed", step).await;
        let begun = Instant::now();
        let outcome = running.stop().await;
        let longest = if step == State::Stopping {
            secs(1)
        } else {
            secs(0)
        };
        assert_eq!(begun.elapsed(), longest, "{step}");
        assert_eq!(outcome.exit_code(), 0, "{step}: {outcome}");
        assert_eq!(runs.count(), if step == State::Starting { 2 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_the_service_asks_for_as_it_fails_wins() {
    let journal = Journal::new();
    let run = takes(secs(1))
        .then(Hook::from(Act::Shutdown))
        .then(Act::Fail("going".to_owned()));
    let runs = Runs::new(&journal, [run]);
    let running = started(alone(runs.clone().worker(), policy())).await;
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(runs.count(), 1);
    assert_eq!(outcome.services()[0].restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_can_not_be_stopped_is_not_started_beside_itself() {
    let journal = Journal::new();
    let policy = policy().then(Then::Ignore);
    let runs = Runs::new(&journal, [spawns(hangs()).then(fails_after(secs(1)))]);
    let registry = alone(runs.clone().worker(), policy).service("api", journal.script().custom());
    let running = started(registry).await;
    reaches(&running.handle(), "feed", State::Failed).await;
    sleep(secs(60)).await;
    assert_eq!(runs.count(), 1);
    assert_eq!(state_of(&running.handle(), "api"), State::Running);
    let outcome = running.stop().await;
    assert_eq!(outcome.laggards().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_that_fail_in_turns_do_not_use_up_each_other() {
    let journal = Journal::new();
    let flaky = || Runs::new(&journal, [fails_after(secs(70))]).worker();
    let registry = Registry::builder()
        .service("left", flaky())
        .on_failure(Restart::new().max(1))
        .service("right", flaky())
        .on_failure(Restart::new().max(1));
    let running = started(registry).await;
    sleep(secs(3600)).await;
    assert!(
        running
            .handle()
            .states()
            .iter()
            .all(|status| status.restarts > 40)
    );
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_and_its_dependent_that_fail_together_come_up_in_order() {
    let journal = Journal::new();
    let flaky = || Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker();
    let registry = Registry::builder()
        .service("store", flaky())
        .on_failure(policy().backoff(millis(1), millis(1)))
        .service("api", flaky())
        .after(["store"])
        .on_failure(policy().backoff(millis(1), millis(1)));
    let running = started(registry).await;
    reaches(&running.handle(), "api", State::Backoff).await;
    running.await_healthy().await.unwrap();
    let starts: Vec<_> = journal
        .begun()
        .into_iter()
        .filter(|line| line.ends_with("startup"))
        .collect();
    assert_eq!(
        starts,
        [
            "store: startup",
            "api: startup",
            "store: startup",
            "api: startup"
        ]
    );
    running.stop().await.into_result().unwrap();
}
