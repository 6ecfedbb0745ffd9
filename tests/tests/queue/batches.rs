//! When a batch is flushed, and how often.

use lifecycle::{
    Fault, HealthError, OptionError, Phase, QueueStatus, Running, TrySendError, registry,
};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{fails, millis, nothing, panics, paused, start, takes};

pub fn status(running: &Running) -> QueueStatus {
    running.handle().states()[0].queue.unwrap()
}

#[test]
fn a_full_batch_is_flushed_at_once() {
    paused(async {
        let queue = Gatherer::new(3, 1000, 100);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        for item in 0..7 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(20).await;
        assert_eq!(queue.batches(), [(10, vec![0, 1, 2]), (10, vec![3, 4, 5])]);
        assert_eq!(status(&running).flushed, 6);
        queue.reach(2000).await;
        assert_eq!(queue.batches()[2..], [(1010, vec![6])]);
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn a_batch_is_flushed_one_interval_after_its_first_item() {
    paused(async {
        let queue = Gatherer::new(100, 50, 100);
        let running = start(registry! { "audit" => queue.clone() });
        for (at, item) in [(10, 0), (30, 1), (59, 2), (61, 3), (300, 4), (349, 5)] {
            queue.reach(at).await;
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(1000).await;
        let expected = [(60, vec![0, 1, 2]), (111, vec![3]), (350, vec![4, 5])];
        assert_eq!(queue.batches(), expected, "and none without an item");
        running.stop().await.into_result().unwrap();
        assert_eq!(queue.batches().len(), 3);
    });
}

#[test]
fn flushes_never_run_beside_each_other() {
    paused(async {
        let queue = Gatherer::new(2, 1000, 100).does([takes(millis(40))]);
        let _running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        for item in 0..6 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(500).await;
        let instants: Vec<u64> = queue.flushes().iter().map(|flush| flush.at).collect();
        assert_eq!(instants, [10, 50, 90]);
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn an_item_that_came_during_a_flush_waits_no_longer_than_its_interval() {
    paused(async {
        let queue = Gatherer::new(2, 50, 100).does([takes(millis(500)), nothing()]);
        let _running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        queue.intake.send(0).await.unwrap();
        queue.reach(100).await;
        queue.intake.send(1).await.unwrap();
        queue.reach(1000).await;
        let [(60, _), (at, _)] = queue.batches()[..] else {
            panic!("{:?}", queue.batches());
        };
        assert!((560..=610).contains(&at), "once the flush before has ended");
    });
}

#[test]
fn items_sent_before_the_start_wait_for_it() {
    paused(async {
        let queue = Gatherer::new(2, 50, 100).startup(takes(millis(500)));
        for item in 0..3 {
            queue.intake.try_send(item).unwrap();
        }
        assert_eq!(queue.intake.len(), 3);
        let _running = start(registry! { "audit" => queue.clone() });
        queue.reach(700).await;
        assert_eq!(queue.batches(), [(500, vec![0, 1]), (550, vec![2])]);
        assert!(queue.intake.is_empty());
    });
}

#[test]
fn a_full_queue_makes_its_producers_wait() {
    paused(async {
        let queue = Gatherer::new(2, 50, 3).does([takes(millis(100))]);
        let _running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        let producer = tokio::spawn({
            let queue = queue.clone();
            async move {
                let mut accepted = Vec::new();
                for item in 0..9 {
                    queue.intake.send(item).await.unwrap();
                    accepted.push(queue.now());
                }
                accepted
            }
        });
        queue.reach(50).await;
        let full = queue.intake.try_send(99);
        assert_eq!(full, Err(TrySendError::Full(99)));
        let accepted = producer.await.unwrap();
        assert_eq!(accepted[..3], [10, 10, 10], "as many as fit");
        assert!(accepted[8] >= 210, "{accepted:?}");
        queue.reach(2000).await;
        assert!(queue.flushed().into_iter().eq(0..9));
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn a_new_size_and_interval_hold_from_the_next_batch() {
    paused(async {
        let queue = Gatherer::new(3, 50, 100);
        let _running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        queue.intake.send(0).await.unwrap();
        queue.reach(20).await;
        queue.turn(5, 500);
        queue.reach(100).await;
        for item in 1..5 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(1000).await;
        assert_eq!(queue.batches(), [(60, vec![0]), (600, vec![1, 2, 3, 4])]);
    });
}

#[test]
fn a_flush_that_fails_is_tried_again_with_the_same_batch() {
    paused(async {
        let no = || fails("no connection");
        let queue = Gatherer::new(2, 50, 100).does([no(), no(), no(), no(), nothing()]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        for item in 0..3 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(10_000).await;
        let flushes = queue.flushes();
        assert_eq!(flushes.len(), 6);
        for (attempt, pair) in flushes[..5].windows(2).enumerate() {
            assert_eq!(pair[1].batch, [0, 1], "kept");
            let (wait, full) = (pair[1].at - pair[0].at, 100 << attempt);
            assert!((full / 2..=full + 1).contains(&wait), "{wait} of {full}");
        }
        assert_eq!(queue.flushed(), [0, 1, 2]);
        let status = status(&running);
        assert_eq!((status.flushed, status.failures, status.lost), (3, 4, 0));
        assert!(running.handle().is_healthy());
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn the_count_of_attempts_begins_anew_with_each_batch() {
    paused(async {
        let (no, ok) = (|| fails("no connection"), nothing);
        let does = [no(), no(), no(), no(), ok(), no(), no(), no(), no(), ok()];
        let queue = Gatherer::new(1, 50, 100).does(does);
        let running = start(registry! { "audit" => queue.clone() });
        for item in 0..2 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(100_000).await;
        assert_eq!(queue.flushed(), [0, 1]);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn when_the_attempts_are_used_up_the_service_fails_with_the_last_cause() {
    paused(async {
        let no = || fails("no connection");
        let last = fails("no disk");
        let queue = Gatherer::new(2, 50, 100).does([no(), no(), no(), no(), last, nothing()]);
        let running = start(registry! { "audit" => queue.clone() });
        for item in 0..5 {
            queue.intake.send(item).await.unwrap();
        }
        running.wait().await;
        assert_eq!(queue.flushes().len(), 5);
        let outcome = running.stop().await;
        assert_eq!(outcome.failures().len(), 1, "{outcome}");
        let error = outcome.failures()[0].to_string();
        assert_eq!(error, "service `audit` failed in flush: no disk");
        assert_eq!(
            queue.flushed(),
            [0, 1, 2, 3, 4],
            "the drain tries once more"
        );
        let status = outcome.services()[0].queue.unwrap();
        assert_eq!((status.flushed, status.failures, status.lost), (5, 5, 0));
    });
}

#[test]
fn a_panic_in_a_flush_fails_the_service_and_loses_nothing() {
    paused(async {
        let does = [panics("as scripted"), nothing()];
        let queue = Gatherer::new(2, 50, 100).does(does);
        let running = start(registry! { "audit" => queue.clone() });
        for item in 0..5 {
            queue.intake.send(item).await.unwrap();
        }
        running.wait().await;
        let outcome = running.stop().await;
        assert!(matches!(outcome.failures()[0].fault(), Fault::Panic(_)));
        assert_eq!(outcome.failures()[0].phase(), Phase::Flush);
        assert_eq!(queue.flushed(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn batches_that_cannot_be_made_are_refused_at_start() {
    let zero = OptionError::QueueInterval { field: "every" };
    for (size, interval, expected) in [(0, 50, OptionError::EmptyBatch), (2, 0, zero)] {
        paused(async {
            let queue = Gatherer::new(size, interval, 10);
            let running = start(registry! { "audit" => queue.clone() });
            let Err(HealthError::Service(error)) = running.await_healthy().await else {
                panic!("it is healthy");
            };
            let cause = error.cause().unwrap().downcast_ref::<OptionError>();
            assert_eq!(cause, Some(&expected));
            assert!(error.to_string().contains("a queue needs"), "{error}");
        });
    }
}
