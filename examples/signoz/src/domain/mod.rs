//! What each service is about, without its life: providers, which only answer calls. Both kinds of services use them.

pub mod agents;
pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod authz;
pub mod cloud;
pub mod licenses;
pub mod meters;
pub mod profile;
pub mod rules;
pub mod stats;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod usage;
pub mod users;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// No code that can panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time of the wall clock, since 1970.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The time of the wall clock as the database keeps it, in seconds.
fn seconds() -> i64 {
    i64::try_from(now().as_secs()).unwrap_or(i64::MAX)
}
