//! A random part of a duration.

use std::time::Duration;

/// A random duration below the limit, to the nanosecond.
#[inline]
pub(super) fn random_below(limit: Duration) -> Duration {
    if limit.is_zero() {
        return Duration::ZERO;
    }
    // Beyond 584 years the nanoseconds no longer matter.
    let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(fastrand::u64(0..nanos))
}
