//! A PostgreSQL or an etcd of the test's own, a proxy that freezes, and replicas: child processes that are stopped, killed and watched by the
//! lines they print.

pub mod certificate;
pub mod clock;
pub mod etcd;
pub mod proxy;
pub mod replica;
pub mod server;
pub mod tables;

use std::time::{Duration, Instant};

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
