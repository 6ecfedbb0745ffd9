//! A PostgreSQL or an etcd of the test's own, a proxy that freezes, and replicas: child processes that are stopped, killed and watched by the
//! lines they print.

pub mod certificate;
pub mod clock;
pub mod etcd;
pub mod port;
pub mod proxy;
pub mod replica;
pub mod server;
pub mod tables;

use std::time::{Duration, Instant};

use lifecycle::Leases;
use tokio::time::{sleep, timeout};

/// Longer than anything takes that comes at all, on a machine that is busy with other builds.
pub const SOON: Duration = Duration::from_mins(1);

/// Tries this until it takes less than that once, and gives the shortest time: what it takes by itself shows where the machine is not busy with
/// something else just then.
///
/// # Panics
///
/// When it never does in so many tries.
#[track_caller]
pub fn best_of(tries: usize, bound: Duration, mut one: impl FnMut() -> Duration) -> Duration {
    let mut took = Vec::new();
    while took.len() < tries {
        let this = one();
        took.push(this);
        if this < bound {
            return this;
        }
    }
    panic!("never within {bound:?}: {took:?}");
}

/// Waits until this is so.
///
/// # Panics
///
/// When it is not so after that time.
#[track_caller]
pub fn eventually(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

/// Takes a lease whose answer comes and is dropped before it is read: the other has the lease long before its term is over.
///
/// # Panics
///
/// When the other has not.
pub async fn drop_an_answer_unread(store: &impl Leases, other: &impl Leases) {
    let term = SOON * 2;
    let mut take = store.take("n", "gone", term);
    assert!(timeout(Duration::ZERO, &mut take).await.is_err());
    while other.leader("n").await.unwrap().is_none() {
        sleep(Duration::from_millis(1)).await;
    }
    // By now the answer has come.
    sleep(Duration::from_millis(300)).await;
    drop(take);
    let began = Instant::now();
    while other.take("n", "other", term).await.unwrap().is_none() {
        assert!(began.elapsed() < SOON, "it stays taken");
        sleep(Duration::from_millis(20)).await;
    }
}
