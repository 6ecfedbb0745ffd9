//! A stop closes the intake, flushes what was accepted, and counts what it could not.

use std::pin::pin;

use lifecycle::{Phase, QueueStatus, Registry, SendError, State, TrySendError, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{
    Journal, fails, hangs, millis, nothing, panics, paused, secs, start, takes, until_stopped,
};
use tokio::time::timeout;

fn counts(status: QueueStatus) -> (u64, u64) {
    (status.flushed, status.lost)
}

async fn fill(queue: &Gatherer, items: u64) {
    for item in 0..items {
        queue.intake.send(item).await.unwrap();
    }
}

#[test]
fn a_stop_flushes_all_that_was_accepted() {
    paused(async {
        let queue = Gatherer::new(4, 1_000_000, 100).does([takes(millis(30))]);
        let running = start(registry! { "audit" => queue.clone() });
        running.await_healthy().await.unwrap();
        fill(&queue, 11).await;
        queue.reach(20).await;
        let outcome = running.stop().await;
        outcome.clone().into_result().unwrap();
        let expected = [
            (0, vec![0, 1, 2, 3]),
            (30, vec![4, 5, 6, 7]),
            (60, vec![8, 9, 10]),
        ];
        assert_eq!(queue.batches(), expected);
        assert_eq!(queue.now(), 90, "no longer than that");
        assert_eq!(counts(outcome.services()[0].queue.unwrap()), (11, 0));
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn after_a_stop_nothing_is_accepted_and_the_item_comes_back() {
    paused(async {
        let queue = Gatherer::new(1, 50, 2).does([takes(millis(100))]);
        let running = start(registry! { "audit" => queue.clone() });
        fill(&queue, 1).await;
        queue.reach(10).await;
        queue.intake.try_send(1).unwrap();
        queue.intake.try_send(2).unwrap();
        let waiting = tokio::spawn({
            let intake = queue.intake.clone();
            async move { intake.send(3).await }
        });
        queue.reach(20).await;
        let handle = running.handle();
        running.stop().await.into_result().unwrap();
        let sent = waiting.await.unwrap();
        let flushed = queue.flushed();
        match sent {
            Ok(()) => assert_eq!(flushed, [0, 1, 2, 3]),
            Err(error) => assert_eq!((error.0, flushed.len()), (3, 3)),
        }
        assert!(queue.intake.is_closed());
        assert_eq!(queue.intake.send(7).await.unwrap_err().0, 7);
        assert_eq!(queue.intake.try_send(8), Err(TrySendError::Closed(8)));
        assert_eq!(handle.states()[0].state, State::Stopped);
    });
}

#[test]
fn a_stop_does_not_wait_for_the_next_attempt() {
    paused(async {
        let does = [fails("no connection"), nothing()];
        let queue = Gatherer::new(1, 50, 10).does(does);
        let running = start(registry! { "audit" => queue.clone() });
        fill(&queue, 3).await;
        queue.reach(10).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(queue.now(), 10);
        assert_eq!(queue.flushed(), [0, 1, 2]);
    });
}

#[test]
fn a_flush_that_hangs_is_dropped_and_its_batch_flushed_by_the_drain() {
    paused(async {
        let queue = Gatherer::new(2, 50, 10).does([hangs(), takes(millis(10))]);
        let running = start(registry! {
            "audit" => queue.clone(), stop_timeout = "4s",
        });
        fill(&queue, 3).await;
        queue.reach(1000).await;
        let outcome = running.stop().await;
        let expected = [(0, vec![0, 1]), (4000, vec![0, 1]), (4010, vec![2])];
        assert_eq!(queue.batches(), expected, "at three quarters");
        assert_eq!(outcome.laggards()[0].phase, Phase::Flush);
        assert_eq!(counts(outcome.services()[0].queue.unwrap()), (3, 0));
    });
}

#[test]
fn what_could_not_be_flushed_in_time_is_counted_and_named() {
    paused(async {
        let queue = Gatherer::new(2, 1_000_000, 100).does([takes(millis(300))]);
        let running = start(registry! {
            "audit" => queue.clone(), stop_timeout = "1s",
        });
        running.await_healthy().await.unwrap();
        for item in 0..21 {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(queue.now(), 1000);
        let (flushed, lost) = counts(outcome.services()[0].queue.unwrap());
        assert_eq!((flushed, lost), (6, 15));
        assert_eq!(queue.flushed().len(), 6);
        let report = outcome.to_string();
        assert!(
            report.contains("`audit` lost 15 accepted items"),
            "{report}"
        );
        assert_eq!(outcome.exit_code(), 1);
    });
}

#[test]
fn a_drain_that_fails_counts_what_is_left_and_says_why() {
    paused(async {
        let (slow, no) = (takes(millis(30)), fails("no disk"));
        let queue = Gatherer::new(2, 50, 100).does([slow, no]);
        let running = start(registry! { "audit" => queue.clone() });
        running.await_healthy().await.unwrap();
        fill(&queue, 7).await;
        queue.reach(10).await;
        let outcome = running.stop().await;
        let (flushed, lost) = counts(outcome.services()[0].queue.unwrap());
        assert_eq!((flushed, lost), (2, 5), "{outcome}");
        assert!(queue.now() >= 9_900, "tried to the end: {}", queue.now());
        assert!(outcome.laggards().is_empty(), "and not beyond: {outcome}");
        let error = outcome.failures()[0].to_string();
        let why = "failed in drain: 5 accepted items were not flushed: no disk";
        assert!(error.contains(why), "{error}");
        assert!(outcome.to_string().contains("lost 5"), "{outcome}");
    });
}

#[test]
fn a_startup_that_fails_or_is_dropped_leaves_its_items_lost_and_counted() {
    for does in [
        takes(millis(20)).then(fails("no table")),
        panics("as scripted"),
        hangs(),
    ] {
        paused(async {
            let queue = Gatherer::new(2, 50, 10).startup(does);
            let running = start(registry! { "audit" => queue.clone() });
            for item in 0..3 {
                queue.intake.try_send(item).unwrap();
            }
            queue.reach(100).await;
            let outcome = running.stop().await;
            assert_eq!(counts(outcome.services()[0].queue.unwrap()), (0, 3));
            assert!(outcome.to_string().contains("lost 3"), "{outcome}");
            assert!(queue.intake.is_closed());
            assert_eq!(queue.flushes(), []);
        });
    }
}

async fn never_started(registry: Registry, queue: &Gatherer) {
    let running = start(registry);
    for item in 0..3 {
        queue.intake.try_send(item).unwrap();
    }
    queue.reach(100).await;
    let outcome = running.stop().await;
    let status = outcome.services()[1].queue.unwrap();
    assert_eq!(counts(status), (0, 3), "{outcome}");
    assert!(queue.intake.is_closed(), "nobody will ever take an item");
}

#[test]
fn a_queue_whose_dependency_failed_counts_its_items_lost() {
    paused(async {
        let (queue, journal) = (Gatherer::new(2, 50, 10), Journal::new());
        let registry = registry! {
            "store" => journal.script().startup(fails("no")).idle(),
            "audit" => queue.clone(), after = ["store"],
        };
        never_started(registry, &queue).await;
    });
}

#[test]
fn a_queue_that_was_stopped_before_it_started_counts_its_items_lost() {
    paused(async {
        let (queue, journal) = (Gatherer::new(2, 50, 10), Journal::new());
        let registry = registry! {
            "store" => journal.script().startup(until_stopped()).idle(),
            "audit" => queue.clone(), after = ["store"],
        };
        never_started(registry, &queue).await;
    });
}

#[test]
fn a_queue_that_is_started_again_never_flushes_nothing() {
    paused(async {
        let queue = Gatherer::new(2, 50, 10);
        let running = start(registry! { "audit" => queue.clone() });
        running.await_healthy().await.unwrap();
        fill(&queue, 3).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(queue.flushed(), [0, 1, 2]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(200).await;
        let _ = running.stop().await;
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn two_queues_that_share_an_intake_stop_at_once() {
    paused(async {
        let queue = Gatherer::new(2, 50, 10);
        let running = start(registry! { "one" => queue.clone(), "two" => queue.clone() });
        fill(&queue, 5).await;
        queue.reach(200).await;
        let stopped = timeout(secs(100), running.stop()).await.unwrap();
        stopped.into_result().unwrap();
        assert_eq!(queue.now(), 200);
        assert_eq!(queue.flushed(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_sender_that_never_fills_its_place_neither_holds_up_the_stop_nor_counts_as_lost() {
    paused(async {
        let queue = Gatherer::new(5, 1000, 1);
        queue.intake.send(0).await.unwrap();
        let mut idler = pin!(queue.intake.send(1));
        tokio::select! {
            biased;
            sent = &mut idler => panic!("there was room: {sent:?}"),
            () = std::future::ready(()) => {}
        }
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        // The first item is taken in, so that the idler has a place by now and could go on.
        let outcome = timeout(secs(100), running.stop()).await.unwrap();
        assert_eq!(queue.now(), 10);
        assert_eq!(queue.flushed(), [0]);
        assert_eq!(outcome.services()[0].queue.unwrap().lost, 0);
        assert_eq!(idler.await, Err(SendError(1)));
    });
}
