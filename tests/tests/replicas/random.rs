//! Random histories of replicas and of their store: never two at once, each run that started up is drained once, and
//! in the end the lease is free. `REPLICAS=a..b` plays other seeds.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use lifecycle::testing::InMemoryStore;
use lifecycle::{Restart, Running};
use lifecycle_tests::{Journal, millis, paused, secs};
use tokio::time::sleep;

use crate::leader::{Leader, TERM, View, replica, started};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("REPLICAS") else {
        return 0..1_000;
    };
    let (from, to) = range.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn never_two_at_once_and_each_drained_once() {
    for seed in seeds() {
        paused(play(seed));
    }
}

async fn play(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let mut up: [Option<Running>; 4] = Default::default();
    let views = NAMES.map(|_| View::new(&store));
    for _ in 0..rng.usize(5..40) {
        let index = rng.usize(0..NAMES.len());
        match rng.u8(0..10) {
            0..=3 if up[index].is_none() => {
                up[index] = Some(started(part(&mut rng, index, &views[index], &journal)));
            }
            0..=2 => {
                if let Some(running) = up[index].take() {
                    let outcome = running.stop().await;
                    assert!(outcome.laggards().is_empty(), "{seed}: {outcome}");
                }
            }
            3 if rng.bool() => store.set_reachable(rng.bool()),
            3 => views[index].cut(rng.bool()),
            4 if rng.bool() => views[index].slow_down(rng.u64(0..9_000)),
            4 => store.set_answering(rng.u8(0..4) > 0),
            5 => {
                if let Some(running) = &up[index] {
                    let handle = running.handle();
                    tokio::spawn(async move { handle.restart("job").await });
                }
            }
            _ => sleep(TERM.mul_f64(rng.f64() * 1.5)).await,
        }
        sleep(millis(rng.u64(0..2_000))).await;
    }
    store.set_reachable(true);
    store.set_answering(true);
    for view in &views {
        view.cut(false);
        view.slow_down(0);
    }
    for running in up.into_iter().flatten() {
        drop(running.stop().await);
    }
    check(seed, &journal);
    // A replica whose give-back was lost holds it until the end of its term.
    sleep(TERM).await;
    assert_eq!(store.holder("job"), None, "{seed}");
}

fn part(
    rng: &mut Rng,
    index: usize,
    store: &View,
    journal: &Arc<Journal>,
) -> lifecycle::RegistryBuilder {
    let some = |rng: &mut Rng, most: u64| millis(rng.u64(0..most));
    let leader = Leader {
        startup: some(rng, 3_000),
        lingers: some(rng, 2_000),
        drain: some(rng, 1_000),
        fails_after: (rng.u8(0..3) == 0).then(|| some(rng, 60_000) + millis(1)),
        ..Leader::new(NAMES[index], journal)
    };
    let policy = Restart::new().backoff(secs(1), secs(20)).forever();
    replica(store, leader).on_failure(policy)
}

/// Between the `run` of one replica and its end no other one runs.
fn check(seed: u64, journal: &Journal) {
    let mut running: Vec<(String, Duration)> = Vec::new();
    let lines = journal.entries();
    for entry in &lines {
        let line = entry.to_string();
        let (name, what) = line.split_once(": ").unwrap();
        match what {
            "run" => {
                let at = entry.at;
                assert!(
                    running.is_empty(),
                    "{seed}: {name} runs at {at:?} beside {running:?}:\n{:#?}",
                    journal.timed()
                );
                running.push((name.to_owned(), at));
            }
            "ended" => running.retain(|(other, _)| other != name),
            _ => {}
        }
    }
    assert!(running.is_empty(), "{seed}: {running:?}");
    for name in NAMES {
        let drained = journal.count(&format!("{name}: drained"));
        let started = journal.count(&format!("{name}: run"));
        assert_eq!(drained, started, "{seed}: {name}: {:#?}", journal.timed());
    }
}
