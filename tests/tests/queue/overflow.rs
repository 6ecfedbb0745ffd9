//! A full intake that drops its oldest item: no sender waits, and what is dropped is counted.
//!
//! Of the kind are a flush that hangs, a batch that waits for its next attempt, items sent before the start
//! and before the service is known to be lossy, senders that wait as it becomes so, a queue behind a
//! decorator, an item whose destructor panics, a stop, and many producers on real threads.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Task, Poll, Waker};

use lifecycle::{Context, Intake, Queue, Result, TrySendError, registry, service};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{
    Plain, fails, gatherer, hangs, hush, millis, nothing, panics, paused, start, takes, threads,
};
use tokio::task::yield_now;

use super::batches::status;

gatherer!(Lossy, overflow = drop_oldest);
gatherer!(Patient, overflow = wait);

/// What the future gives at its first poll.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(given) => Some(given),
        Poll::Pending => None,
    }
}

#[test]
fn the_oldest_waiting_item_is_dropped_and_the_batch_in_flight_is_not() {
    paused(async {
        let queue = Gatherer::new(2, 50, 3).does([takes(millis(500)), nothing()]);
        let running = start(registry! { "audit" => Lossy(queue.clone()) });
        queue.reach(10).await;
        for item in 0..2 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(20).await;
        for item in 2..10 {
            let sent = now(queue.intake.send(item));
            assert_eq!(sent, Some(Ok(())), "no sender waits");
        }
        let seen = status(&running);
        assert_eq!((seen.depth, seen.dropped, seen.lost), (5, 5, 0));
        assert_eq!(queue.intake.len(), 3);
        queue.reach(2_000).await;
        assert_eq!(queue.flushed(), [0, 1, 7, 8, 9]);
        assert_eq!(queue.intake.try_send(10), Ok(()));
        let outcome = running.stop().await;
        let end = outcome.services()[0].queue.unwrap();
        assert_eq!((end.flushed, end.dropped, end.lost), (6, 5, 0));
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
        let line = "service `audit` dropped 5 accepted items to make room for newer ones";
        assert!(outcome.to_string().contains(line), "{outcome}");
    });
}

#[test]
fn by_default_and_where_it_says_so_senders_wait() {
    paused(async {
        let queue = Gatherer::new(2, 50, 3).does([hangs()]);
        let running = start(registry! {
            "audit" => Patient(queue.clone()), stop_timeout = millis(10),
        });
        queue.reach(10).await;
        for item in 0..2 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(20).await;
        for item in 2..5 {
            queue.intake.try_send(item).unwrap();
        }
        assert_eq!(queue.intake.try_send(5), Err(TrySendError::Full(5)));
        assert_eq!(now(queue.intake.send(5)), None);
        assert_eq!(status(&running).dropped, 0);
        let outcome = running.stop().await;
        assert!(!outcome.to_string().contains("dropped 0"), "{outcome}");
    });
}

#[test]
fn a_batch_that_waits_for_its_next_attempt_is_not_dropped() {
    paused(async {
        let queue = Gatherer::new(2, 50, 2).does([fails("away"), fails("away"), nothing()]);
        let _running = start(registry! { "audit" => Lossy(queue.clone()) });
        queue.reach(10).await;
        for item in 0..2 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(20).await;
        for item in 2..100 {
            queue.intake.try_send(item).unwrap();
        }
        queue.reach(5_000).await;
        assert_eq!(queue.flushed(), [0, 1, 98, 99]);
    });
}

#[test]
fn what_is_sent_before_the_start_does_not_wait_either() {
    paused(async {
        let queue = Gatherer::new(2, 50, 2);
        for item in 0..2 {
            queue.intake.try_send(item).unwrap();
        }
        let waiting = tokio::spawn({
            let intake = queue.intake.clone();
            async move { intake.send(2).await }
        });
        yield_now().await;
        assert!(!waiting.is_finished(), "it is not known yet");
        let registry = registry! { "audit" => Lossy(queue.clone()) };
        waiting.await.unwrap().unwrap();
        for item in 3..9 {
            assert_eq!(now(queue.intake.send(item)), Some(Ok(())));
        }
        let running = start(registry);
        queue.reach(100).await;
        assert_eq!(queue.flushed(), [7, 8]);
        assert_eq!(status(&running).dropped, 7);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_queue_behind_a_decorator_does_not_let_wait_from_its_start_on() {
    paused(async {
        let queue = Gatherer::new(2, 50, 2).startup(takes(millis(100)));
        let running = start(registry! { "audit" => Plain(Lossy(queue.clone())) });
        queue.reach(10).await;
        for item in 0..5 {
            assert_eq!(now(queue.intake.send(item)), Some(Ok(())));
        }
        queue.reach(1_000).await;
        assert_eq!(queue.flushed(), [3, 4]);
        assert_eq!(status(&running).dropped, 3);
    });
}

#[test]
fn an_arc_and_a_second_service_of_the_same_intake_change_nothing() {
    paused(async {
        let queue = Gatherer::new(2, 50, 2);
        let shared = Arc::new(Lossy(queue.clone()));
        let registry = registry! { "one" => shared.clone(), "two" => shared };
        for item in 0..5 {
            assert_eq!(now(queue.intake.send(item)), Some(Ok(())));
        }
        let running = start(registry);
        queue.reach(1_000).await;
        assert_eq!(queue.flushed(), [3, 4]);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn after_a_stop_nothing_is_accepted_and_nothing_dropped() {
    paused(async {
        let queue = Gatherer::new(2, 50, 2);
        let running = start(registry! { "audit" => Lossy(queue.clone()) });
        let handle = running.handle();
        queue.reach(10).await;
        running.stop().await.into_result().unwrap();
        for item in 0..5 {
            let sent = queue.intake.try_send(item);
            assert_eq!(sent, Err(TrySendError::Closed(item)));
            assert_eq!(queue.intake.send(item).await.unwrap_err().0, item);
        }
        assert_eq!(handle.states()[0].queue.unwrap().dropped, 0);
    });
}

/// Panics when it is dropped by the queue, and not by a flush.
struct Bomb(Arc<AtomicU64>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("as scripted");
    }
}

#[service(queue(size = 1, interval = "1h", overflow = drop_oldest))]
struct Bombs(Intake<Bomb>);

impl Queue for Bombs {
    type Item = Bomb;

    fn intake(&self) -> &Intake<Bomb> {
        &self.0
    }

    async fn flush(&self, _: &[Bomb], _: &Context) -> Result {
        std::future::pending().await
    }
}

#[test]
fn a_destructor_that_panics_harms_no_sender() {
    hush();
    paused(async {
        let (bombs, dropped) = (Intake::bounded(2), Arc::new(AtomicU64::new(0)));
        let running = start(registry! {
            "bombs" => Bombs(bombs.clone()), stop_timeout = millis(10),
        });
        running.await_healthy().await.unwrap();
        assert!(bombs.send(Bomb(dropped.clone())).await.is_ok());
        yield_now().await;
        for _ in 0..5 {
            assert!(bombs.send(Bomb(dropped.clone())).await.is_ok());
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        assert!(running.handle().is_healthy());
        assert_eq!(status(&running).dropped, 3);
        let outcome = running.stop().await;
        assert_eq!(outcome.services()[0].queue.unwrap().lost, 3);
    });
}

const PRODUCERS: u64 = 6;
const ITEMS: u64 = 400;

/// Sends until the queue is closed; what was accepted.
async fn produce(queue: Gatherer, producer: u64, mut rng: fastrand::Rng) -> Vec<u64> {
    let mut accepted = Vec::new();
    for item in producer * ITEMS..(producer + 1) * ITEMS {
        let sent = if rng.bool() {
            let sent = queue.intake.try_send(item);
            assert_ne!(sent, Err(TrySendError::Full(item)));
            sent.is_ok()
        } else {
            queue.intake.send(item).await.is_ok()
        };
        if !sent {
            break;
        }
        accepted.push(item);
        if rng.u8(0..8) == 0 {
            yield_now().await;
        }
    }
    accepted
}

async fn one_race(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let does = match rng.u8(0..6) {
        0 => vec![nothing(), panics("as scripted"), nothing()],
        1 => vec![fails("as scripted"), nothing()],
        _ => vec![nothing()],
    };
    let queue = Gatherer::new(rng.usize(1..20), 1, rng.usize(1..20)).does(does);
    // Some of them send, and wait for room, before the service is known to be lossy.
    let early = rng.u64(0..=PRODUCERS);
    let spawn =
        |producer: u64, rng: fastrand::Rng| tokio::spawn(produce(queue.clone(), producer, rng));
    // Until then an intake may be full.
    let patient = |producer: u64| {
        let intake = queue.intake.clone();
        tokio::spawn(async move {
            let mut accepted = Vec::new();
            for item in producer * ITEMS..(producer + 1) * ITEMS {
                if intake.send(item).await.is_err() {
                    break;
                }
                accepted.push(item);
            }
            accepted
        })
    };
    let mut producers: Vec<_> = (0..early).map(patient).collect();
    let registry = registry! { "audit" => Lossy(queue.clone()) };
    producers.extend((early..PRODUCERS).map(|producer| spawn(producer, rng.fork())));
    let running = start(registry);
    for _ in 0..rng.u32(0..100) {
        yield_now().await;
    }
    let outcome = running.stop().await;
    let mut accepted = Vec::new();
    for producer in producers {
        accepted.extend(producer.await.unwrap());
    }
    let counts = outcome.services()[0].queue.unwrap();
    let context = format!("seed {seed}: {counts:?}, {} accepted", accepted.len());
    let flushed = queue.flushed();
    assert_eq!(counts.flushed, flushed.len() as u64, "{context}");
    let all = counts.flushed + counts.lost + counts.dropped;
    assert_eq!(all, accepted.len() as u64, "{context}");
    for producer in 0..PRODUCERS {
        let of_it = flushed.iter().filter(|item| **item / ITEMS == producer);
        assert!(of_it.is_sorted(), "in order: {context}");
    }
    let mut once = flushed.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), flushed.len(), "once: {context}");
    assert_eq!(queue.faults(), [""; 0], "{context}");
}

#[test]
fn every_accepted_item_is_flushed_once_or_counted_dropped_or_lost() {
    hush();
    let runtime = threads(4);
    for seed in 0..1_000 {
        runtime.block_on(async move { tokio::spawn(one_race(seed)).await.unwrap() });
    }
}
