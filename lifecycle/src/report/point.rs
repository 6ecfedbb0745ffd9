//! A point of a schedule, as a memory keeps it.

use std::time::{Duration, SystemTime};

/// A point in time for which a schedule runs, and which attempt at it this is.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use lifecycle::Point;
///
/// let due = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_999);
/// let point = Point::new(due, 1);
/// assert_eq!(point.at, SystemTime::UNIX_EPOCH + Duration::from_micros(1));
/// assert_eq!(point.attempt, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Point {
    /// When it was due, in whole microseconds.
    pub at: SystemTime,
    /// 1 for the first attempt at it. Each further one, after an attempt that began and did not end, has one more. 0
    /// marks where the memory of a schedule begins: no tick was due then.
    pub attempt: u32,
}

impl Point {
    /// This attempt at what is due at `at`, which is cut to whole microseconds: that is what databases keep.
    #[must_use]
    pub fn new(at: SystemTime, attempt: u32) -> Self {
        let nanoseconds = match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.subsec_nanos() % 1_000,
            Err(before) => (1_000 - before.duration().subsec_nanos() % 1_000) % 1_000,
        };
        Self {
            at: at - Duration::from_nanos(nanoseconds.into()),
            attempt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_point_is_cut_to_whole_microseconds_downwards() {
        let epoch = SystemTime::UNIX_EPOCH;
        let cut = |at| Point::new(at, 0).at;
        assert_eq!(
            cut(epoch + Duration::from_nanos(1_999)),
            epoch + Duration::from_micros(1)
        );
        assert_eq!(cut(epoch + SECOND), epoch + SECOND);
        assert_eq!(
            cut(epoch - Duration::from_nanos(1)),
            epoch - Duration::from_micros(1)
        );
        assert_eq!(cut(epoch - SECOND), epoch - SECOND);
    }
}
