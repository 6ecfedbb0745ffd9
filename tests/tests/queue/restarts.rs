//! A queue under `on_failure = restart`: what becomes of a batch whose attempts are used up in one run, and in
//! the last; and that every accepted item is flushed, dropped or lost, once, whatever its options are.

use lifecycle::{Outcome, Registry, State, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{fails, gatherer, hush, nothing, panics, paused, start, threads};
use tokio::task::yield_now;

gatherer!(Failing, attempts = 2, retry = "1ms..2ms");
gatherer!(
    Dropping,
    attempts = 2,
    retry = "1ms..2ms",
    attempts_used_up = drop
);
gatherer!(
    Lossy,
    attempts = 2,
    retry = "1ms..2ms",
    overflow = drop_oldest
);

fn counts(outcome: &Outcome) -> (u64, u64, u64) {
    let queue = outcome.services()[0].queue.unwrap();
    (queue.flushed, queue.lost, queue.dropped)
}

#[test]
fn a_batch_whose_attempts_are_used_up_is_for_the_next_run_and_in_the_end_for_the_drain() {
    paused(async {
        let queue = Gatherer::new(2, 10, 100).does(vec![fails("away"); 6]);
        let queue = queue.rule(|_, at| (at > 5_000).then(nothing));
        let running = start(registry! {
            "audit" => Failing(queue.clone()), on_failure = restart(backoff = "1s..1s", max = 2),
        });
        for item in 0..5 {
            queue.intake.send(item).await.unwrap();
        }
        running.wait().await;
        assert_eq!(
            queue.flushes().len(),
            6,
            "two attempts in each of three runs"
        );
        assert!(queue.batches().iter().all(|(_, batch)| *batch == [0, 1]));
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (5, 0, 0), "{outcome}");
        assert_eq!(outcome.services()[0].state, State::Failed);
        assert_eq!(outcome.exit_code(), 1);
    });
}

#[test]
fn what_is_dropped_is_no_failure_and_restarts_nothing() {
    paused(async {
        let queue =
            Gatherer::new(1, 10, 100).rule(|batch, _| (batch[0] == 13).then(|| fails("no")));
        let running = start(registry! {
            "audit" => Dropping(queue.clone()), on_failure = restart,
        });
        for item in [1, 13, 2] {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(10_000).await;
        assert_eq!(running.handle().states()[0].state, State::Running);
        let outcome = running.stop().await;
        assert_eq!(counts(&outcome), (2, 1, 0), "{outcome}");
        assert_eq!(outcome.exit_code(), 0, "{outcome}");
    });
}

fn any(options: u8, queue: &Gatherer) -> Registry {
    match options {
        0 => registry! {
            "audit" => Failing(queue.clone()), on_failure = restart(backoff = "1ms..2ms", max = 3),
        },
        1 => registry! {
            "audit" => Dropping(queue.clone()), on_failure = restart(backoff = "1ms..2ms", max = 3),
        },
        _ => registry! {
            "audit" => Lossy(queue.clone()), on_failure = restart(backoff = "1ms..2ms", max = 3),
        },
    }
}

async fn one_race(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let does: Vec<_> = (0..rng.usize(1..20))
        .map(|_| match rng.u8(0..8) {
            0 => panics("as scripted"),
            1..=3 => fails("as scripted"),
            _ => nothing(),
        })
        .chain([nothing()])
        .collect();
    let queue = Gatherer::new(rng.usize(1..10), 1, rng.usize(1..10)).does(does);
    let running = start(any(rng.u8(0..3), &queue));
    let producers: Vec<_> = (0..3_u64)
        .map(|producer| {
            let (queue, pauses) = (queue.clone(), rng.u8(1..20));
            tokio::spawn(async move {
                let mut accepted = 0_u64;
                for number in 0..200 {
                    if queue.intake.send(producer * 1_000 + number).await.is_err() {
                        break;
                    }
                    accepted += 1;
                    if number % u64::from(pauses) == 0 {
                        yield_now().await;
                    }
                }
                accepted
            })
        })
        .collect();
    for _ in 0..rng.u32(0..400) {
        yield_now().await;
    }
    let outcome = running.stop().await;
    let mut accepted = 0;
    for producer in producers {
        accepted += producer.await.unwrap();
    }
    let (flushed, lost, dropped) = counts(&outcome);
    assert_eq!(flushed + lost + dropped, accepted, "seed {seed}: {outcome}");
    let mut items = queue.flushed();
    assert_eq!(items.len() as u64, flushed, "seed {seed}: {outcome}");
    items.sort_unstable();
    items.dedup();
    assert_eq!(items.len() as u64, flushed, "once: seed {seed}");
    assert_eq!(queue.faults(), [""; 0], "seed {seed}");
    assert!(queue.intake.is_closed());
}

#[test]
fn whatever_its_options_every_accepted_item_is_accounted_for_once_over_all_runs() {
    hush();
    let runtime = threads(4);
    for seed in 0..1_000 {
        runtime.block_on(async move { tokio::spawn(one_race(seed)).await.unwrap() });
    }
}
