//! A drain tries what is left to the end of its time, other batches before those that fail.
//!
//! It used to give up at the first batch whose attempts were used up, and lost all behind it untried. Of
//! the kind are one batch that can never be flushed among others, wherever it stands and however it
//! fails, by an error or a panic; a target that is away for a part of the stop; a batch that `run` left
//! between two attempts; and a stop with no deadline at all.

use std::time::Duration;

use lifecycle::{Outcome, QueueStatus, Running, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{Hook, fails, hangs, millis, nothing, panics, paused, start, takes};

fn counts(outcome: &Outcome) -> (u64, u64) {
    let QueueStatus { flushed, lost, .. } = outcome.services()[0].queue.unwrap();
    (flushed, lost)
}

async fn filled(queue: &Gatherer, items: &[u64]) -> Running {
    let running = start(registry! { "sink" => queue.clone() });
    running.await_healthy().await.unwrap();
    for item in items {
        queue.intake.try_send(*item).unwrap();
    }
    running
}

fn not_13(batch: &[u64], _: u64) -> Option<Hook> {
    batch.contains(&13).then(|| fails("not 13"))
}

#[test]
fn one_batch_that_fails_costs_no_other() {
    let places = [
        [13, 1, 2, 3, 4, 5],
        [1, 2, 13, 3, 4, 5],
        [1, 2, 3, 4, 5, 13],
    ];
    for items in places {
        paused(async {
            let queue = Gatherer::new(1, 1000, 100).rule(not_13);
            let outcome = filled(&queue, &items).await.stop().await;
            assert_eq!(counts(&outcome), (5, 1), "{outcome}");
            assert_eq!(queue.flushed(), [1, 2, 3, 4, 5]);
            let others = queue.flushes().into_iter().filter(|flush| flush.done);
            assert!(others.into_iter().all(|flush| flush.at == 0), "first");
            assert!((9_900..=10_000).contains(&queue.now()), "{}", queue.now());
            let error = outcome.failures()[0].to_string();
            let why = "failed in drain: 1 accepted item was not flushed: not 13";
            assert!(error.ends_with(why), "{error}");
            let report = outcome.to_string();
            assert!(report.contains("lost 1 accepted item: not 13"), "{report}");
            assert!(outcome.laggards().is_empty(), "{outcome}");
            assert_eq!(outcome.exit_code(), 1);
        });
    }
}

#[test]
fn a_batch_is_lost_as_a_whole_and_the_others_are_not() {
    paused(async {
        let queue = Gatherer::new(3, 1000, 100).rule(not_13);
        let items = [1, 13, 2, 3, 4, 5, 6];
        let outcome = filled(&queue, &items).await.stop().await;
        assert_eq!(counts(&outcome), (4, 3), "{outcome}");
        assert_eq!(queue.flushed(), [3, 4, 5, 6]);
    });
}

#[test]
fn a_target_that_is_away_for_a_part_of_the_stop_gets_everything() {
    for away in [1, 100, 500, 3_000, 7_000, 9_000] {
        paused(async {
            let queue =
                Gatherer::new(2, 1000, 1000).rule(move |_, at| (at < away).then(|| fails("away")));
            let items: Vec<_> = (0..101).collect();
            let outcome = filled(&queue, &items).await.stop().await;
            assert_eq!(counts(&outcome), (101, 0), "away for {away}: {outcome}");
            assert_eq!(queue.flushed(), items, "in order");
            assert_eq!(queue.faults(), [""; 0]);
            outcome.into_result().unwrap();
        });
    }
}

#[test]
fn a_target_that_never_comes_back_loses_all_and_says_so_in_time() {
    paused(async {
        let queue = Gatherer::new(2, 1000, 100).does([takes(millis(5)).then(fails("away"))]);
        let outcome = filled(&queue, &[0, 1, 2, 3, 4]).await.stop().await;
        assert_eq!(counts(&outcome), (0, 5), "{outcome}");
        let report = outcome.to_string();
        assert!(
            report.contains("`sink` lost 5 accepted items: away"),
            "{report}"
        );
        assert!(queue.now() <= 10_000);
        for first in [0, 2, 4] {
            let tried = queue.flushes().into_iter();
            let tried = tried.filter(|flush| flush.batch[0] == first);
            assert!(tried.count() > 8, "each to the end");
        }
    });
}

#[test]
fn what_is_lost_in_a_flush_that_hangs_is_counted_with_the_last_cause() {
    paused(async {
        let does = [fails("away"), hangs()];
        let queue = Gatherer::new(1, 1_000_000, 100).does(does);
        let running = filled(&queue, &[0, 1, 2]).await;
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (0, 3), "{outcome}");
        assert_eq!(outcome.laggards().len(), 1, "{outcome}");
        let report = outcome.to_string();
        assert!(
            report.contains("`sink` lost 3 accepted items: away"),
            "{report}"
        );
    });
}

#[test]
fn a_batch_left_between_two_attempts_is_tried_first_and_alone() {
    paused(async {
        let queue = Gatherer::new(4, 20, 100).rule(not_13);
        let running = filled(&queue, &[13]).await;
        queue.reach(25).await;
        assert_eq!(queue.batches(), [(20, vec![13])]);
        for item in 1..6 {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (5, 1), "{outcome}");
        let drained = &queue.batches()[1..4];
        let expected = [(25, vec![13]), (25, vec![1, 2, 3, 4]), (25, vec![5])];
        assert_eq!(drained, expected, "not filled up with others");
    });
}

#[test]
fn a_batch_whose_flush_panics_in_the_drain_costs_no_other() {
    paused(async {
        let queue = Gatherer::new(1, 1000, 100).rule(|batch, _| match batch[0] {
            0 => Some(takes(millis(30))),
            13 => Some(panics("as scripted")),
            _ => None,
        });
        let running = filled(&queue, &[0, 13, 1, 2, 13, 3]).await;
        queue.reach(10).await;
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (4, 2), "{outcome}");
        assert_eq!(queue.flushed(), [0, 1, 2, 3]);
        let [panic, lost] = outcome.failures() else {
            panic!("{outcome}");
        };
        let panic = panic.to_string();
        assert!(panic.ends_with("panicked in drain: as scripted"), "{panic}");
        let lost = lost.to_string();
        assert!(lost.contains("2 accepted items were not flushed"), "{lost}");
        assert_eq!(queue.now(), 30, "a panic is not waited for");
        assert_eq!(queue.faults(), [""; 0]);
    });
}

#[test]
fn a_panic_in_the_drain_that_does_not_come_again_loses_nothing() {
    paused(async {
        let does = [takes(millis(30)), panics("as scripted"), nothing()];
        let queue = Gatherer::new(1, 1000, 100).does(does);
        let running = filled(&queue, &[0, 1, 2, 3]).await;
        queue.reach(10).await;
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (4, 0), "{outcome}");
        assert_eq!(queue.flushed(), [0, 1, 2, 3], "in order");
        assert_eq!(outcome.failures().len(), 1, "it is a failure: {outcome}");
    });
}

#[test]
fn without_a_deadline_the_attempts_end_it() {
    paused(async {
        let queue = Gatherer::new(1, 1000, 100).rule(not_13);
        let running = start(registry! {
            deadline = Duration::MAX,
            "sink" => queue.clone(), stop_timeout = Duration::MAX,
        });
        running.await_healthy().await.unwrap();
        for item in [13, 1, 2] {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (2, 1), "{outcome}");
        assert!(queue.now() < 10_000, "{}", queue.now());
    });
}

#[test]
fn with_no_time_at_all_each_batch_is_tried_once() {
    paused(async {
        let queue = Gatherer::new(1, 1000, 100).rule(not_13);
        let running = start(registry! {
            "sink" => queue.clone(), stop_timeout = Duration::ZERO,
        });
        running.await_healthy().await.unwrap();
        for item in [13, 1, 2] {
            queue.intake.try_send(item).unwrap();
        }
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (2, 1), "{outcome}");
        assert_eq!(queue.now(), 0);
    });
}
