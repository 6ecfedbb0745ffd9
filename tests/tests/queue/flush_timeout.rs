//! A flush that takes longer than its `flush_timeout` is dropped, and has failed.
//!
//! Of the kind are one that hangs while the service runs, one that is just in time, one that hangs in the
//! drain among others, a stop that is over sooner than the flush's own time, a limit that is changed, one
//! of zero, and an endless one.

use std::time::Duration;

use lifecycle::{HealthError, OptionError, Phase, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{Hook, gatherer, hangs, millis, nothing, panics, paused, start, takes};

use super::batches::status;

gatherer!(Limited, flush_timeout = self.0.flush_timeout());
gatherer!(
    Dropping,
    flush_timeout = "100ms",
    attempts = 2,
    attempts_used_up = drop
);
gatherer!(Literal, flush_timeout = "100ms", attempts = 1);

fn limited(size: usize, milliseconds: u64) -> Gatherer {
    let queue = Gatherer::new(size, 50, 100);
    queue.limit(milliseconds);
    queue
}

fn hung_13(batch: &[u64], _: u64) -> Option<Hook> {
    batch.contains(&13).then(hangs)
}

#[test]
fn a_flush_that_hangs_is_dropped_and_tried_again_with_the_same_batch() {
    paused(async {
        let queue = limited(2, 100).does([hangs(), takes(millis(100)).then(hangs()), nothing()]);
        let running = start(registry! { "audit" => Limited(queue.clone()) });
        for item in 0..2 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(99).await;
        assert_eq!(status(&running).failures, 0);
        queue.reach(101).await;
        let seen = status(&running);
        assert_eq!((seen.failures, seen.flush_age, seen.depth), (1, None, 2));
        let why = running.handle().states()[0].degraded.clone().unwrap();
        assert_eq!(
            &*why,
            "`flush` failed: the flush was dropped: it took longer than 100ms"
        );
        queue.reach(10_000).await;
        assert_eq!(queue.flushed(), [0, 1]);
        assert_eq!(queue.flushes().len(), 3);
        assert_eq!(queue.faults(), [""; 0]);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn one_that_is_in_time_is_not_dropped() {
    paused(async {
        let queue = limited(1, 100).does([takes(millis(99))]);
        let running = start(registry! { "audit" => Limited(queue.clone()) });
        for item in 0..3 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(1_000).await;
        assert_eq!(queue.flushed(), [0, 1, 2]);
        assert_eq!(status(&running).failures, 0);
    });
}

#[test]
fn it_uses_attempts_up_like_an_error() {
    paused(async {
        let queue = Gatherer::new(1, 50, 100).does([hangs()]);
        let running =
            start(registry! { "audit" => Literal(queue.clone()), stop_timeout = millis(50) });
        queue.intake.send(0).await.unwrap();
        running.wait().await;
        assert_eq!(queue.now(), 100);
        let outcome = running.stop().await;
        let error = &outcome.failures()[0];
        assert_eq!(error.phase(), Phase::Flush);
        let text = error.to_string();
        assert!(
            text.ends_with("the flush was dropped: it took longer than 100ms"),
            "{text}"
        );
    });
    paused(async {
        let queue = Gatherer::new(1, 50, 100).rule(hung_13);
        let running = start(registry! { "audit" => Dropping(queue.clone()) });
        for item in [1, 13, 2] {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(1_000).await;
        assert_eq!(queue.flushed(), [1, 2]);
        assert_eq!((status(&running).failures, status(&running).lost), (2, 1));
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn in_a_drain_one_that_hangs_costs_the_others_no_more_than_its_limit() {
    paused(async {
        let queue = limited(1, 100).rule(hung_13);
        let running = start(registry! { "audit" => Limited(queue.clone()) });
        running.await_healthy().await.unwrap();
        for item in [13, 1, 2, 13, 3] {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(queue.flushed(), [1, 2, 3]);
        let done = queue.flushes().into_iter().filter(|flush| flush.done);
        let instants: Vec<u64> = done.map(|flush| flush.at).collect();
        assert_eq!(instants, [200, 200, 300], "the first hangs in the loop too");
        let counts = outcome.services()[0].queue.unwrap();
        assert_eq!((counts.flushed, counts.lost), (3, 2), "{outcome}");
        assert!(queue.now() <= 10_000);
    });
}

#[test]
fn a_stop_does_not_wait_for_it() {
    paused(async {
        let queue = limited(1, 60_000).does([hangs(), nothing()]);
        let running = start(registry! {
            "audit" => Limited(queue.clone()), stop_timeout = "4s",
        });
        queue.intake.send(7).await.unwrap();
        queue.reach(1_000).await;
        let outcome = running.stop().await;
        assert_eq!(
            queue.batches(),
            [(0, vec![7]), (4_000, vec![7])],
            "at three quarters"
        );
        assert_eq!(outcome.laggards()[0].phase, Phase::Flush);
        assert_eq!(outcome.services()[0].queue.unwrap().failures, 0);
    });
}

#[test]
fn one_that_is_over_before_three_quarters_of_the_stop_leaves_nothing_late() {
    paused(async {
        let queue = limited(1, 2_000).does([hangs(), nothing()]);
        let running = start(registry! {
            "audit" => Limited(queue.clone()), stop_timeout = "4s",
        });
        queue.intake.send(7).await.unwrap();
        queue.reach(1_000).await;
        let outcome = running.stop().await;
        assert_eq!(queue.batches(), [(0, vec![7]), (2_000, vec![7])]);
        assert_eq!(outcome.services()[0].queue.unwrap().failures, 1);
        outcome.into_result().unwrap();
    });
}

#[test]
fn a_new_limit_holds_from_the_next_batch_and_one_of_zero_changes_nothing() {
    paused(async {
        let queue =
            limited(1, 100).does([hangs(), nothing(), hangs(), nothing(), hangs(), nothing()]);
        let running = start(registry! { "audit" => Limited(queue.clone()) });
        let fails_after = |from: u64, limit: u64| {
            let (queue, handle) = (queue.clone(), running.handle());
            async move {
                queue.limit(limit);
                queue.reach(from).await;
                let before = handle.states()[0].queue.unwrap().failures;
                queue.intake.send(from).await.unwrap();
                while handle.states()[0].queue.unwrap().failures == before {
                    tokio::time::sleep(millis(1)).await;
                }
                queue.now() - from
            }
        };
        let near = |took: u64, limit: u64| assert!((limit..=limit + 2).contains(&took), "{took}");
        near(fails_after(1_000, 100).await, 100);
        near(fails_after(2_000, 300).await, 300);
        near(fails_after(3_000, 0).await, 300);
        let why = running.handle().states()[0].degraded.clone().unwrap();
        assert_eq!(
            &*why,
            "the flush timeout is zero: a queue needs a positive one, or none"
        );
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn one_of_zero_is_refused_at_the_start_and_an_endless_one_is_none() {
    paused(async {
        let running = start(registry! { "audit" => Limited(limited(1, 0)) });
        let Err(HealthError::Service(error)) = running.await_healthy().await else {
            panic!("it is healthy");
        };
        let cause = error.cause().unwrap().downcast_ref::<OptionError>();
        assert_eq!(cause, Some(&OptionError::FlushTimeout));
    });
    paused(async {
        let queue = Gatherer::new(1, 50, 100).does([takes(Duration::from_secs(1_000_000))]);
        let _running = start(registry! { "audit" => Limited(queue.clone()) });
        queue.intake.send(1).await.unwrap();
        queue.reach(1_100_000_000).await;
        assert_eq!(queue.flushed(), [1]);
    });
}

#[test]
fn a_panic_within_its_time_is_a_panic() {
    paused(async {
        let queue = limited(1, 100).does([panics("as scripted"), nothing()]);
        let running = start(registry! { "audit" => Limited(queue.clone()) });
        queue.intake.send(1).await.unwrap();
        running.wait().await;
        let outcome = running.stop().await;
        assert!(
            outcome.failures()[0]
                .to_string()
                .contains("panicked in flush"),
            "{outcome}"
        );
        assert_eq!(queue.flushed(), [1]);
    });
}
