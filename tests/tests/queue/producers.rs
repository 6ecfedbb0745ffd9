//! Many producers on real threads, and a stop in between: every accepted item is flushed once, or counted lost.

use std::time::Duration;

use lifecycle::{TrySendError, registry};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{Hook, hangs, hush, millis, nothing, panics, secs, start, threads};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

const PRODUCERS: u64 = 8;
const ITEMS: u64 = 1000;
const RUNS: u64 = 1000;

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
                    () = yield_now() => false,
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
            yield_now().await;
        }
    }
    accepted
}

/// What one run does, as its seed says.
struct Script {
    seed: u64,
    rng: fastrand::Rng,
    does: Vec<Hook>,
    startup: Hook,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let does = match rng.u8(0..8) {
            0 => vec![nothing(), panics("as scripted"), nothing()],
            1 => vec![nothing(), hangs()],
            _ => vec![nothing()],
        };
        let startup = match rng.u8(0..8) {
            0 => panics("as scripted"),
            _ => nothing(),
        };
        Self {
            seed,
            rng,
            does,
            startup,
        }
    }

    fn hangs(&self) -> bool {
        self.does.contains(&hangs())
    }
}

async fn one_run(script: Script) {
    let hangs = script.hangs();
    let Script {
        seed,
        mut rng,
        does,
        startup,
    } = script;
    let queue = Gatherer::new(rng.usize(1..50), 1, rng.usize(1..40))
        .does(does)
        .startup(startup);
    let budget = millis(if hangs { 4 } else { 10_000 });
    let running = start(registry! {
        "audit" => queue.clone(), stop_timeout = budget,
    });
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| tokio::spawn(produce(queue.clone(), producer, rng.fork())))
        .collect();
    for _ in 0..rng.u32(0..200) {
        yield_now().await;
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

/// Sends as fast as it can; how many were accepted.
fn hammer(queue: &Gatherer) -> u64 {
    let mut accepted = 0;
    loop {
        match queue.intake.try_send(accepted) {
            Ok(()) => accepted += 1,
            Err(TrySendError::Closed(_)) => return accepted,
            Err(_) => std::thread::yield_now(),
        }
    }
}

async fn one_stop(does: Hook, startup: Hook, budget: Duration) {
    let queue = Gatherer::new(7, 1, 1_000_000).does([does]).startup(startup);
    let running = start(registry! { "audit" => queue.clone(), stop_timeout = budget });
    let hammers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            tokio::task::spawn_blocking(move || hammer(&queue))
        })
        .collect();
    while queue.intake.len() < 100 {
        yield_now().await;
    }
    let outcome = running.stop().await;
    let mut accepted = 0;
    for hammer in hammers {
        accepted += hammer.await.unwrap();
    }
    let counts = outcome.services()[0].queue.unwrap();
    assert_eq!(counts.flushed + counts.lost, accepted, "{outcome}");
}

/// A clock that stands still while anybody works. Where a hook hangs until its time is over: on the
/// clock of the machine, a service that is given no time by a busy machine is given up uncounted.
fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

#[test]
fn what_is_accepted_while_a_startup_is_dropped_is_counted_lost() {
    let runtime = paused();
    for _ in 0..RUNS / 5 {
        runtime.block_on(one_stop(nothing(), hangs(), secs(10)));
    }
}

#[test]
fn what_is_accepted_while_a_drain_is_dropped_is_counted_lost() {
    let runtime = paused();
    for _ in 0..RUNS / 5 {
        runtime.block_on(one_stop(hangs(), nothing(), Duration::ZERO));
    }
}

#[test]
fn every_accepted_item_is_flushed_once_or_counted_lost() {
    hush();
    let (threads, paused) = (threads(4), paused());
    for seed in 0..RUNS {
        let script = Script::new(seed);
        let runtime = if script.hangs() { &paused } else { &threads };
        runtime.block_on(async move { tokio::spawn(one_run(script)).await.unwrap() });
    }
}
