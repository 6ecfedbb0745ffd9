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
