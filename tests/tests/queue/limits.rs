//! A size or an interval that is wrong in a reloaded configuration: the last good one goes on to hold.
//!
//! It used to end the application, though nothing but the configuration was wrong. Of the kind are a
//! size and an interval of zero, both at once, one after the other, a value that was wrong when the
//! service was idle, one that is wrong only when the service stops, and one that is right again.

use std::sync::Arc;

use lifecycle::{Running, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{paused, secs, start};

use super::batches::status;

fn degraded(running: &Running) -> Option<Arc<str>> {
    running.handle().states()[0].degraded.clone()
}

const SIZE: &str = "the size of a batch is zero: a queue needs at least one item in it";
const INTERVAL: &str = "the interval `every` is zero: a queue needs a positive one";

#[test]
fn a_limit_that_is_wrong_later_keeps_the_last_good_one_and_shows() {
    for (size, interval, why) in [(0, 50, SIZE), (2, 0, INTERVAL), (0, 0, SIZE)] {
        paused(async {
            let queue = Gatherer::new(2, 50, 10);
            let running = start(registry! { "audit" => queue.clone() });
            queue.reach(10).await;
            queue.turn(size, interval);
            for item in 0..5 {
                queue.intake.send(item).await.unwrap();
            }
            queue.reach(5000).await;
            let expected = [(10, vec![0, 1]), (10, vec![2, 3]), (60, vec![4])];
            assert_eq!(queue.batches(), expected, "the last good ones");
            assert_eq!(degraded(&running).as_deref(), Some(why));
            assert!(running.handle().is_healthy());
            queue.turn(1, 70);
            queue.reach(7000).await;
            assert_eq!(degraded(&running), None, "right again, with no item sent");
            queue.intake.send(5).await.unwrap();
            queue.intake.send(6).await.unwrap();
            queue.reach(7001).await;
            assert_eq!(queue.flushed().len(), 7);
            assert_eq!(status(&running).lost, 0);
            running.stop().await.into_result().unwrap();
        });
    }
}

#[test]
fn a_drain_with_a_wrong_size_makes_batches_as_before() {
    paused(async {
        let queue = Gatherer::new(3, 1_000_000, 10);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        for item in 0..5 {
            queue.intake.try_send(item).unwrap();
        }
        queue.turn(0, 0);
        running.stop().await.into_result().unwrap();
        let batches: Vec<_> = queue
            .batches()
            .into_iter()
            .map(|(_, batch)| batch)
            .collect();
        assert_eq!(batches, [vec![0, 1, 2], vec![3, 4]]);
    });
}

#[test]
fn an_idle_queue_sees_within_a_minute_that_its_limits_are_wrong() {
    paused(async {
        let queue = Gatherer::new(3, 50, 10);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        queue.turn(0, 50);
        tokio::time::sleep(secs(60)).await;
        assert_eq!(degraded(&running).as_deref(), Some(SIZE));
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_new_interval_holds_for_the_first_item_after_a_long_rest() {
    paused(async {
        let queue = Gatherer::new(100, 500, 10);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        queue.turn(100, 20);
        queue.intake.send(0).await.unwrap();
        queue.reach(40).await;
        assert_eq!(queue.batches(), [(30, vec![0])]);
        running.stop().await.into_result().unwrap();
    });
}
