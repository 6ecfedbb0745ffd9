//! Rule 24: the waits, the budget, and what makes them begin anew.

use std::time::Duration;

use lifecycle::{Registry, Restart, State, Then};
use lifecycle_tests::{Hook, Journal, Moves, millis, secs, start, state_of};
use tokio::time::Instant;

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

/// The waits between the end of each run and the start of the next.
async fn waits(policy: Restart, runs: Vec<Hook>, count: usize) -> Vec<Duration> {
    let journal = Journal::new();
    let running = started(alone(Runs::new(&journal, runs).worker(), policy)).await;
    let handle = running.handle();
    let mut moves = handle.subscribe();
    let (mut waits, mut down) = (Vec::new(), None);
    while waits.len() < count {
        let seen = moves.recv().await.unwrap();
        match seen.to {
            State::Backoff => down = Some(seen.at),
            State::Starting => waits.push(seen.at - down.unwrap()),
            _ => {}
        }
    }
    drop(running.stop().await);
    waits
}

#[tokio::test(start_paused = true)]
async fn the_waits_double_from_the_first_to_the_longest_less_at_most_a_half() {
    let policy = Restart::new().backoff(millis(400), secs(5)).forever();
    for _ in 0..20 {
        let waits = waits(policy, vec![fails_after(secs(1))], 8).await;
        for (wait, full) in waits
            .into_iter()
            .zip([400, 800, 1600, 3200, 5000, 5000, 5000, 5000])
        {
            let full = millis(full);
            // The timer counts in milliseconds, and ends no wait early.
            assert!(
                full / 2 <= wait && wait <= full + millis(1),
                "{wait:?} of {full:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_defaults_are_a_tenth_of_a_second_to_thirty_ten_restarts_and_a_minute() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [fails_after(secs(1))]);
    let running = started(alone(runs.clone().worker(), Restart::new())).await;
    let begun = Instant::now();
    assert!(
        running
            .wait()
            .await
            .to_string()
            .contains("gave up after 10 restarts")
    );
    assert_eq!(runs.count(), 11, "one run and ten restarts");
    // 0.1 + 0.2 + .. + 25.6 + 30, and a second for each run.
    let all = millis(51_100 + 30_000) + secs(11);
    let took = begun.elapsed();
    assert!(
        took <= all + millis(20) && took >= secs(11) + millis(81_100 / 2),
        "{took:?}"
    );
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_more_failure_than_restarts_is_final_with_the_last_cause() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [fails_after(secs(1))]);
    let running = started(alone(runs.clone().worker(), policy().max(3))).await;
    let reason = running.wait().await;
    let sentence = "service `feed` failed in run and gave up after 3 restarts: disk full";
    assert_eq!(reason.to_string(), sentence);
    let outcome = running.stop().await;
    assert_eq!(runs.count(), 4);
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.failures().len(), 1, "{outcome}");
    assert_eq!(outcome.failures()[0].gave_up_after(), Some(3));
    assert_eq!(
        outcome.failures()[0].cause().unwrap().to_string(),
        "disk full"
    );
    let status = &outcome.services()[0];
    assert_eq!((status.restarts, status.restarts_in_a_row), (3, 3));
    assert_eq!(status.state, State::Failed);
}

#[tokio::test(start_paused = true)]
async fn one_restart_is_told_in_the_singular() {
    let journal = Journal::new();
    let running = started(alone(
        Runs::new(&journal, [fails_after(secs(1))]).worker(),
        policy().max(1),
    ))
    .await;
    assert!(
        running
            .wait()
            .await
            .to_string()
            .contains("gave up after 1 restart: disk full")
    );
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn then_ignore_lets_the_others_go_on() {
    let journal = Journal::new();
    let policy = policy().max(2).then(Then::Ignore);
    let builder = alone(Runs::new(&journal, [fails_after(secs(1))]).worker(), policy)
        .service("store", journal.script().idle());
    let running = start(builder.build().unwrap());
    let handle = running.handle();
    running.await_healthy().await.unwrap();
    let moves = Moves::watch(&handle);
    reaches(&handle, "feed", State::Failed).await;
    assert!(handle.is_healthy(), "it does not count");
    assert_eq!(state_of(&handle, "store"), State::Running);
    assert!(
        status(&handle, "feed")
            .error
            .unwrap()
            .to_string()
            .contains("gave up after 2 restarts")
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.failures().len(), 1);
    drop(moves);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_up_for_the_reset_forgets_the_restarts_before() {
    let journal = Journal::new();
    // Each run is up for the reset exactly: two in a row would be too many.
    let runs = Runs::new(&journal, [fails_after(secs(60))]);
    let running = started(alone(runs.clone().worker(), policy().max(1))).await;
    tokio::time::sleep(secs(3600)).await;
    assert!(runs.count() > 55, "{}", runs.count());
    assert!(running.handle().is_healthy());
    let shown = status(&running.handle(), "feed");
    assert_eq!(shown.restarts_in_a_row, 1);
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_up_for_less_does_not() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [fails_after(secs(59))]);
    let running = started(alone(runs.clone().worker(), policy().max(2))).await;
    running.wait().await;
    assert_eq!(runs.count(), 3);
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_shows_at_once_and_the_waits_begin_anew() {
    let journal = Journal::new();
    let short = [
        fails_after(secs(1)),
        fails_after(secs(1)),
        fails_after(secs(1)),
        fails_after(secs(90)),
    ];
    let runs = Runs::new(&journal, short);
    let policy = Restart::new().backoff(secs(1), secs(100));
    let running = started(alone(runs.clone().worker(), policy)).await;
    let handle = running.handle();
    while runs.count() < 4 {
        reaches(&handle, "feed", State::Backoff).await;
        reaches(&handle, "feed", State::Running).await;
    }
    assert_eq!(status(&handle, "feed").restarts_in_a_row, 3);
    tokio::time::sleep(secs(59)).await;
    assert_eq!(status(&handle, "feed").restarts_in_a_row, 3);
    tokio::time::sleep(millis(1001)).await;
    assert_eq!(status(&handle, "feed").restarts_in_a_row, 0);
    assert_eq!(status(&handle, "feed").restarts, 3, "all of them");
    reaches(&handle, "feed", State::Backoff).await;
    let wait = status(&handle, "feed").next_start.unwrap() - Instant::now();
    assert!(wait <= secs(1), "{wait:?}");
    assert_eq!(status(&handle, "feed").restarts_in_a_row, 1);
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_start_takes_is_none_that_it_was_up() {
    let journal = Journal::new();
    let slow = lifecycle_tests::takes(secs(80));
    let runs = Runs::with_startup(&journal, [slow], [fails_after(secs(1))]);
    let running = started(alone(runs.clone().worker(), policy().max(2))).await;
    running.wait().await;
    assert_eq!(runs.count(), 3);
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn forever_has_no_end_and_no_step_of_its_counter_overflows_a_wait() {
    let journal = Journal::new();
    let policy = Restart::new()
        .backoff(millis(1), millis(100))
        .max(1)
        .forever();
    let runs = Runs::new(&journal, [fails_after(millis(1))]);
    let running = started(alone(runs.clone().worker(), policy)).await;
    tokio::time::sleep(secs(600)).await;
    assert!(runs.count() > 5_000, "{}", runs.count());
    assert!(running.handle().states()[0].error.is_none());
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_longest_durations_are_waited_for_and_stopped_at_once() {
    let journal = Journal::new();
    let policy = Restart::new()
        .backoff(Duration::MAX, Duration::MAX)
        .reset(Duration::MAX);
    let running = started(alone(
        Runs::new(&journal, [fails_after(secs(1)), runs_on()]).worker(),
        policy,
    ))
    .await;
    tokio::time::sleep(secs(86_400)).await;
    assert_eq!(state_of(&running.handle(), "feed"), State::Backoff);
    let begun = Instant::now();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_makes_no_sense_refuses_the_start_where_no_builder_has_checked_it() {
    let error = Registry::builder()
        .service("feed", Journal::new().script().idle())
        .on_failure(Restart::new().max(0))
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 1);
}
