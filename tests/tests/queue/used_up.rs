//! What becomes of a batch whose attempts are used up, where the attribute says that it is dropped.
//!
//! Of the kind are one batch that can never be flushed among others, a target that is away for longer than
//! the attempts last, attempts that `run` has begun and the drain goes on with, an item whose destructor
//! panics, and a panic, which is a failure of the service as before.

use std::time::Duration;

use lifecycle::{Fault, OnFailure, Outcome, Phase, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{Hook, fails, gatherer, millis, nothing, panics, paused, start, takes};

use super::batches::status;

gatherer!(Dropping, attempts = 3, attempts_used_up = drop);
gatherer!(OnlyOnce, attempts = 1, attempts_used_up = drop);
gatherer!(Failing, attempts = 3, attempts_used_up = fail);

fn not_13(batch: &[u64], _: u64) -> Option<Hook> {
    batch.contains(&13).then(|| fails("not 13"))
}

fn counts(outcome: &Outcome) -> (u64, u64, u64) {
    let queue = outcome.services()[0].queue.unwrap();
    (queue.flushed, queue.failures, queue.lost)
}

#[test]
fn a_batch_whose_attempts_are_used_up_is_dropped_and_counted_and_the_service_goes_on() {
    paused(async {
        let queue = Gatherer::new(2, 50, 100).rule(not_13);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        for item in [1, 2, 3, 13, 4, 5] {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(10_000).await;
        assert_eq!(queue.flushed(), [1, 2, 4, 5]);
        let tried = queue.batches().into_iter();
        assert_eq!(tried.filter(|(_, batch)| *batch == [3, 13]).count(), 3);
        let seen = status(&running);
        assert_eq!((seen.flushed, seen.failures, seen.lost), (4, 3, 2));
        assert_eq!(seen.depth, 0);
        assert!(running.handle().is_healthy());
        assert_eq!(
            running.handle().states()[0].degraded,
            None,
            "it was flushed since"
        );
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        assert_eq!(outcome.failures().len(), 0, "{outcome}");
        let report = outcome.to_string();
        assert!(
            report.contains("`audit` lost 2 accepted items: not 13"),
            "{report}"
        );
    });
}

#[test]
fn it_shows_as_degraded_until_a_flush_succeeds() {
    paused(async {
        let queue = Gatherer::new(1, 50, 100).rule(not_13);
        let running = start(registry! { "audit" => OnlyOnce(queue.clone()) });
        queue.intake.send(13).await.unwrap();
        queue.reach(1_000).await;
        assert_eq!(status(&running).lost, 1);
        let degraded = || running.handle().states()[0].degraded.clone();
        assert_eq!(degraded().as_deref(), Some("`flush` failed: not 13"));
        assert_eq!(queue.flushes().len(), 1, "one attempt is no wait");
        queue.intake.send(1).await.unwrap();
        queue.reach(1_001).await;
        assert_eq!(degraded(), None);
    });
}

#[test]
fn each_batch_has_all_its_attempts() {
    paused(async {
        let (no, ok) = (|| fails("away"), nothing);
        let does = [no(), no(), ok(), no(), no(), no(), no(), no(), ok()];
        let queue = Gatherer::new(1, 50, 100).does(does);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        for item in 0..3 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(100_000).await;
        assert_eq!(queue.flushed(), [0, 2]);
        assert_eq!(status(&running).lost, 1);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn by_default_and_where_it_says_so_the_service_fails() {
    paused(async {
        let queue = Gatherer::new(1, 50, 100).rule(not_13);
        let running = start(registry! {
            "audit" => Failing(queue.clone()), on_failure = ignore, stop_timeout = millis(100),
        });
        queue.intake.send(13).await.unwrap();
        queue.reach(10_000).await;
        let outcome = running.stop().await;
        let error = outcome.failures()[0].to_string();
        assert_eq!(error, "service `audit` failed in flush: not 13");
        assert_eq!(outcome.services()[0].on_failure, OnFailure::Ignore);
        assert_eq!(counts(&outcome).2, 1);
    });
}

#[test]
fn a_drain_counts_the_attempts_too_and_does_not_fail_by_what_it_drops() {
    paused(async {
        let queue = Gatherer::new(1, 1_000, 100).rule(not_13);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        running.await_healthy().await.unwrap();
        for item in [13, 1, 2] {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (2, 3, 1), "{outcome}");
        assert_eq!(queue.flushed(), [1, 2]);
        assert!(queue.now() <= 300, "two waits: {}", queue.now());
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
    });
}

#[test]
fn the_drain_goes_on_with_the_attempts_that_were_made_before() {
    paused(async {
        let queue = Gatherer::new(1, 20, 100).rule(not_13);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        queue.intake.send(13).await.unwrap();
        queue.reach(25).await;
        let before = queue.flushes().len();
        assert!(before >= 1);
        let outcome = running.stop().await;
        assert_eq!(queue.flushes().len(), 3, "{before} of them in the loop");
        assert_eq!(counts(&outcome), (0, 3, 1), "{outcome}");
        outcome.into_result().unwrap();
    });
}

#[test]
fn what_has_attempts_left_when_the_time_is_over_fails_the_drain() {
    paused(async {
        let queue = Gatherer::new(1, 1_000, 100).does([takes(millis(60)).then(fails("away"))]);
        let running = start(registry! {
            "audit" => Dropping(queue.clone()), stop_timeout = millis(100),
        });
        running.await_healthy().await.unwrap();
        queue.intake.try_send(1).unwrap();
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome).2, 1, "{outcome}");
        assert_eq!(outcome.exit_code(), 1, "{outcome}");
    });
}

#[test]
fn without_a_deadline_it_ends_as_well() {
    paused(async {
        let queue = Gatherer::new(1, 1_000, 100).rule(not_13);
        let running = start(registry! {
            deadline = Duration::MAX,
            "audit" => Dropping(queue.clone()), stop_timeout = Duration::MAX,
        });
        running.await_healthy().await.unwrap();
        for item in [13, 1, 13, 2] {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (2, 6, 2), "{outcome}");
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
    });
}

#[test]
fn a_panic_is_a_failure_all_the_same() {
    paused(async {
        let queue = Gatherer::new(1, 50, 100).does([panics("as scripted"), nothing()]);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        queue.intake.send(1).await.unwrap();
        running.wait().await;
        let outcome = running.stop().await;
        assert!(matches!(outcome.failures()[0].fault(), Fault::Panic(_)));
        assert_eq!(outcome.failures()[0].phase(), Phase::Flush);
        assert_eq!(queue.flushed(), [1]);
    });
}
