//! A random part of a duration.

use std::time::Duration;

use super::moment::nanos;

/// A random duration below the limit, to the nanosecond.
pub(super) fn random_below(limit: Duration) -> Duration {
    // Beyond 584 years the nanoseconds no longer matter.
    Duration::from_nanos(random_nanos_below(nanos(limit)))
}

/// A random number of nanoseconds below the limit; zero if that is zero.
#[inline]
pub(super) fn random_nanos_below(limit: u64) -> u64 {
    if limit == 0 {
        return 0;
    }
    fastrand::u64(0..limit)
}
