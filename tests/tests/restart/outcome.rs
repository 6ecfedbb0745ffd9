//! Rule 29: readiness, the outcome, the status and the log of restarts.

use lifecycle::{OnFailure, Registry, Restart, State, Then};
use lifecycle_tests::{Journal, millis, secs, takes};
use tokio::time::{Instant, sleep, timeout};

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

#[tokio::test(start_paused = true)]
async fn readiness_is_false_while_a_service_that_counts_is_down() {
    for (on_failure, counts) in [(policy(), true), (policy().then(Then::Ignore), false)] {
        let journal = Journal::new();
        let startup = [takes(secs(1))];
        let runs = Runs::with_startup(&journal, startup, [fails_after(secs(1)), runs_on()]);
        let running = started(alone(runs.worker(), on_failure)).await;
        let handle = running.handle();
        reaches(&handle, "feed", State::Running).await;
        let mut moves = handle.subscribe();
        for wanted in [State::Stopping, State::Backoff, State::Starting] {
            let seen = moves.recv().await.unwrap();
            assert_eq!(seen.to, wanted);
            assert_eq!(handle.is_healthy(), !counts, "{wanted}");
        }
        assert_eq!(moves.recv().await.unwrap().to, State::Running);
        running.await_healthy().await.unwrap();
        assert!(handle.is_healthy());
        running.stop().await.into_result().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_health_waits_for_the_next_run_and_fails_with_the_last() {
    let journal = Journal::new();
    let running = started(alone(
        Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        policy(),
    ))
    .await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    assert!(timeout(millis(1), running.await_healthy()).await.is_err());
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();

    let running = started(alone(
        Runs::new(&journal, [fails_after(secs(1))]).worker(),
        policy().max(1),
    ))
    .await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    running.wait().await;
    let error = running.await_healthy().await.unwrap_err().to_string();
    assert!(error.contains("gave up after 1 restart"), "{error}");
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_lists_restarts_and_is_clean() {
    let journal = Journal::new();
    let registry = alone(
        Runs::new(
            &journal,
            [fails_after(secs(1)), fails_after(secs(1)), runs_on()],
        )
        .worker(),
        policy(),
    )
    .service("store", journal.script().idle());
    let running = started(registry).await;
    sleep(secs(10)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert!(outcome.failures().is_empty());
    let restarted: Vec<_> = outcome.restarted().collect();
    assert_eq!(restarted.len(), 1);
    assert_eq!(
        (restarted[0].name.as_str(), restarted[0].restarts),
        ("feed", 2)
    );
    let report = outcome.to_string();
    let line = "\n  service `feed` was restarted 2 times: the last time it failed in run: disk full (after ";
    assert!(report.contains(line), "{report}");
    assert!(
        report.ends_with("2 services: 2 stopped, 0 failed, 0 late; stopping took 0.0ns"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_when_it_starts_next_and_why() {
    let journal = Journal::new();
    let running = started(alone(
        Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        policy(),
    ))
    .await;
    let handle = running.handle();
    assert_eq!(status(&handle, "feed").next_start, None);
    reaches(&handle, "feed", State::Backoff).await;
    let shown = status(&handle, "feed");
    let at = shown.next_start.unwrap();
    assert!(at > Instant::now() + millis(499) && at <= Instant::now() + secs(1));
    assert_eq!((shown.restarts, shown.restarts_in_a_row), (1, 1));
    let error = shown.last_error.unwrap().to_string();
    assert_eq!(error, "service `feed` failed in run: disk full");
    assert!(shown.error.is_none(), "it has not failed");
    reaches(&handle, "feed", State::Starting).await;
    assert!(Instant::now() >= at && Instant::now() < at + millis(2));
    running.await_healthy().await.unwrap();
    let shown = status(&handle, "feed");
    assert!(shown.next_start.is_none() && shown.last_error.is_some());
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_that_recovered_hides_no_failure_of_another() {
    let journal = Journal::new();
    let registry = alone(
        Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        Restart::new(),
    )
    .service("api", Runs::new(&journal, [fails_after(secs(5))]).worker())
    .on_failure(OnFailure::Shutdown);
    let running = started(registry).await;
    let reason = running.wait().await.to_string();
    assert_eq!(reason, "service `api` failed in run: disk full");
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.failures().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_have_ended_but_one_that_is_restarted_the_application_goes_on() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("job", journal.script().oneshot())
        .service(
            "feed",
            Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        )
        .on_failure(policy());
    let running = started(registry).await;
    assert!(timeout(secs(60), running.wait()).await.is_err());
    running.stop().await.into_result().unwrap();
}
