//! What can be seen of a queue that is stuck: how many items are in it, how long its flush takes, and
//! what the last one said.
//!
//! A `flush` that never returned looked like an idle queue: healthy, nothing flushed, nothing lost. Of
//! the kind are items that wait, the batch in hand, a flush between two attempts, and one in a drain.

use lifecycle::registry;
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{fails, hangs, millis, nothing, paused, secs, start, takes};

use super::batches::status;

#[test]
fn a_flush_that_never_returns_shows_by_its_age_and_by_what_waits() {
    paused(async {
        let queue = Gatherer::new(2, 50, 3).does([hangs()]);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        assert_eq!(
            (status(&running).depth, status(&running).flush_age),
            (0, None)
        );
        queue.intake.send(0).await.unwrap();
        queue.reach(11).await;
        assert_eq!(
            (status(&running).depth, status(&running).flush_age),
            (1, None)
        );
        for item in 1..5 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(3_611).await;
        let seen = status(&running);
        assert_eq!(seen.depth, 5, "the batch in hand and those that wait");
        assert_eq!(seen.flush_age.map(|age| age.as_millis()), Some(3_600));
        assert_eq!((seen.flushed, seen.failures, seen.lost), (0, 0, 0));
        let outcome = running.stop().await;
        let end = outcome.services()[0].queue.unwrap();
        assert_eq!((end.depth, end.flush_age, end.lost), (0, None, 5));
    });
}

#[test]
fn between_two_attempts_no_flush_is_in_flight_and_the_failure_shows() {
    paused(async {
        let does = [takes(millis(20)).then(fails("no connection")), nothing()];
        let queue = Gatherer::new(1, 50, 3).does(does);
        let running = start(registry! { "audit" => queue.clone() });
        queue.intake.send(0).await.unwrap();
        queue.reach(15).await;
        assert!(status(&running).flush_age.is_some());
        queue.reach(25).await;
        let seen = status(&running);
        assert_eq!((seen.depth, seen.flush_age, seen.failures), (1, None, 1));
        let degraded = || running.handle().states()[0].degraded.clone();
        assert_eq!(degraded().as_deref(), Some("`flush` failed: no connection"));
        tokio::time::sleep(secs(1)).await;
        assert_eq!(status(&running).depth, 0);
        assert_eq!(degraded(), None, "it was flushed");
        running.stop().await.into_result().unwrap();
    });
}
