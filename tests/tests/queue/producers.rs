//! Many producers on real threads, and a stop in between: every accepted item is flushed once, or counted lost.

use std::time::Instant;

use lifecycle::registry;
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{Does, millis, start};
use tokio::runtime::Builder;

const PRODUCERS: u64 = 8;
const ITEMS: u64 = 1000;

/// A producer sends until nobody takes its items any more; how many were accepted.
async fn produce(queue: Gatherer, producer: u64, mut rng: fastrand::Rng) -> Vec<u64> {
    let mut accepted = Vec::new();
    for number in 0..ITEMS {
        let item = producer * ITEMS + number;
        let sent = match rng.u8(0..4) {
            0 => queue.intake.try_send(item).is_ok(),
            1 => {
                // Dropped half way, the item goes with it.
                tokio::select! {
                    biased;
                    sent = queue.intake.send(item) => sent.is_ok(),
                    () = tokio::task::yield_now() => false,
                }
            }
            _ => queue.intake.send(item).await.is_ok(),
        };
        if sent {
            accepted.push(item);
        } else if queue.intake.is_closed() {
            break;
        }
        if rng.u8(0..16) == 0 {
            tokio::task::yield_now().await;
        }
    }
    accepted
}

async fn one_run(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let does = match rng.u8(0..8) {
        0 => vec![Does::Take(0), Does::Panic("as scripted"), Does::Take(0)],
        1 => vec![Does::Take(0), Does::Hang],
        _ => vec![Does::Take(0)],
    };
    let startup = match rng.u8(0..8) {
        0 => Does::Panic("as scripted"),
        _ => Does::Take(0),
    };
    let hangs = does.iter().any(|does| matches!(does, Does::Hang));
    let queue = Gatherer::new(rng.usize(1..50), 1, rng.usize(1..40))
        .does(&does)
        .startup(startup);
    let budget = millis(if hangs { 4 } else { 10_000 });
    let running = start(registry! {
        "audit" => queue.clone(), stop_timeout = budget,
    });
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| tokio::spawn(produce(queue.clone(), producer, rng.fork())))
        .collect();
    for _ in 0..rng.u32(0..200) {
        tokio::task::yield_now().await;
    }
    let outcome = running.stop().await;
    let mut accepted = Vec::new();
    for producer in producers {
        accepted.extend(producer.await.unwrap());
    }
    let mut flushed = queue.flushed();
    let counts = outcome.services()[0].queue.unwrap();
    let context = format!(
        "seed {seed}: {counts:?}, {} accepted, {outcome}",
        accepted.len()
    );
    assert_eq!(counts.flushed, flushed.len() as u64, "{context}");
    assert_eq!(
        counts.flushed + counts.lost,
        accepted.len() as u64,
        "{context}"
    );
    for producer in 0..PRODUCERS {
        let of_it = flushed.iter().filter(|item| **item / ITEMS == producer);
        assert!(of_it.is_sorted(), "in order: {context}");
    }
    flushed.sort_unstable();
    let count = flushed.len();
    flushed.dedup();
    assert_eq!(flushed.len(), count, "once: {context}");
    accepted.sort_unstable();
    assert!(
        flushed
            .iter()
            .all(|item| accepted.binary_search(item).is_ok()),
        "{context}"
    );
    if counts.lost > 0 {
        let report = outcome.to_string();
        let items = if counts.lost == 1 { "item" } else { "items" };
        let line = format!("lost {} accepted {items}", counts.lost);
        assert!(report.contains(&line), "{context}");
    } else {
        assert_eq!(flushed, accepted, "{context}");
    }
    assert_eq!(queue.faults(), [""; 0], "{context}");
}

#[test]
fn every_accepted_item_is_flushed_once_or_counted_lost() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        if !text.contains("as scripted") {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }));
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let began = Instant::now();
    for seed in 0..1000 {
        runtime.block_on(async move { tokio::spawn(one_run(seed)).await.unwrap() });
    }
    assert!(began.elapsed() < millis(60_000), "{:?}", began.elapsed());
}
