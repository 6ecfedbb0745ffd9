//! A queue's items wait between its runs.

use lifecycle::{OnFailure, OnLate, State};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{fails, hangs, millis, nothing, panics, secs};
use tokio::time::{sleep, timeout};

use crate::runs::{alone, policy, reaches, started, status};

/// Fails so many flushes.
fn failing(count: usize) -> Gatherer {
    let mut does = vec![fails("away"); count];
    does.push(nothing());
    Gatherer::new(2, 100, 10).does(does)
}

fn flushed(queue: &Gatherer) -> Vec<u64> {
    let done = queue.flushes().into_iter().filter(|flush| flush.done);
    done.flat_map(|flush| flush.batch).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_before_and_between_two_runs_is_flushed_by_the_next_one() {
    let queue = failing(5);
    let running = started(alone(queue.clone(), policy())).await;
    let handle = running.handle();
    for item in 0..3 {
        queue.intake.send(item).await.unwrap();
    }
    reaches(&handle, "feed", State::Backoff).await;
    assert!(!queue.intake.is_closed());
    assert_eq!(status(&handle, "feed").queue.unwrap().depth, 3);
    assert_eq!(queue.flushes().len(), 5, "the drain does not try again");
    for item in 3..6 {
        queue.intake.send(item).await.unwrap();
    }
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    assert_eq!(flushed(&queue), [0, 1, 2, 3, 4, 5]);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    let counts = outcome.services()[0].queue.unwrap();
    assert_eq!((counts.flushed, counts.lost, counts.depth), (6, 0, 0));
    assert!(queue.intake.is_closed(), "for good");
}

#[tokio::test(start_paused = true)]
async fn each_run_has_all_attempts_for_the_batch_in_hand() {
    let queue = failing(12);
    let running = started(alone(queue.clone(), policy())).await;
    queue.intake.send(0).await.unwrap();
    for restarts in 1..=2 {
        reaches(&running.handle(), "feed", State::Backoff).await;
        assert_eq!(queue.flushes().len(), 5 * restarts);
        running.await_healthy().await.unwrap();
    }
    sleep(secs(10)).await;
    assert_eq!(flushed(&queue), [0]);
    assert_eq!(status(&running.handle(), "feed").restarts, 2);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_flush_panics_waits_too() {
    lifecycle_tests::hush();
    let queue = Gatherer::new(2, 100, 10).does([panics("as scripted"), nothing()]);
    let running = started(alone(queue.clone(), policy())).await;
    queue.intake.send(0).await.unwrap();
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    assert_eq!(flushed(&queue), [0]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn by_hand_items_wait_as_well_and_producers_that_wait_for_room_wait_on() {
    let queue = Gatherer::new(100, 60_000, 2).does([nothing()]);
    let running = started(alone(queue.clone(), policy())).await;
    let (intake, handle) = (queue.intake.clone(), running.handle());
    let producer = tokio::spawn(async move {
        for item in 0..20 {
            intake.send(item).await.unwrap();
        }
    });
    sleep(millis(1)).await;
    for _ in 0..5 {
        handle.restart("feed").await.unwrap();
    }
    producer.await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(flushed(&queue), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_stop_on_the_way_down_flushes_and_one_in_its_backoff_counts_what_is_left_as_lost() {
    let queue = failing(5);
    let running = started(alone(queue.clone(), policy())).await;
    queue.intake.send(0).await.unwrap();
    reaches(&running.handle(), "feed", State::Backoff).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.services()[0].state, State::Stopped);
    assert_eq!(outcome.services()[0].queue.unwrap().lost, 1);
    assert!(
        outcome
            .to_string()
            .contains("service `feed` lost 1 accepted item"),
        "{outcome}"
    );
    assert!(queue.intake.is_closed());
    assert!(queue.intake.send(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn when_it_is_not_restarted_any_more_its_drain_flushes_as_ever() {
    for policy in [OnFailure::Restart(policy().max(1)), OnFailure::Shutdown] {
        let queue = failing(if policy == OnFailure::Shutdown { 5 } else { 10 });
        let registry = lifecycle::Registry::builder()
            .service("feed", queue.clone())
            .on_failure(policy);
        let running = started(registry).await;
        queue.intake.send(0).await.unwrap();
        timeout(secs(60), running.wait()).await.unwrap();
        let outcome = running.stop().await;
        assert_eq!(flushed(&queue), [0]);
        assert_eq!(outcome.services()[0].queue.unwrap().lost, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_may_be_late_is_restarted_after_it_was_and_its_items_wait() {
    let queue = Gatherer::new(2, 100, 10).does([hangs(), nothing()]);
    let registry = alone(queue.clone(), policy()).on_late(OnLate::Ignore);
    let running = started(registry).await;
    queue.intake.send(0).await.unwrap();
    sleep(secs(1)).await;
    running.handle().restart("feed").await.unwrap();
    sleep(secs(1)).await;
    assert_eq!(flushed(&queue), [0]);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.laggards().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_not_ready_in_time_closes_no_intake() {
    let queue = failing(5);
    let running = started(alone(queue.clone(), policy())).await;
    queue.intake.send(0).await.unwrap();
    reaches(&running.handle(), "feed", State::Backoff).await;
    let _ = queue.clone().startup(hangs());
    reaches(&running.handle(), "feed", State::Starting).await;
    let _ = queue.clone().startup(nothing());
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    assert_eq!(flushed(&queue), [0]);
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(outcome.services()[0].restarts, 2);
}
