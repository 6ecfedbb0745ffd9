//! Instants as plain numbers. They take half the memory of an `Instant`, and a schedule adds and compares them in a
//! few instructions.

use std::time::Duration;

use tokio::time::Instant;

/// Nanoseconds on the clock of one application. Schedules compute with moments; what is shown is an [`Instant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(super) u64);

/// The moment of the epoch. It is not zero, because a point that is made up for may lie before it: by 126 years at most.
pub(super) const EPOCH: u64 = 4_000_000_000_000_000_000;

impl Moment {
    /// What lies centuries ahead. It is never reached.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    #[inline]
    pub(crate) fn after(self, wait: Duration) -> Self {
        self.after_nanos(nanos(wait))
    }

    #[inline]
    pub(crate) fn after_nanos(self, wait: u64) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// How many nanoseconds have passed since `earlier`; zero if none have.
    #[inline]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As long before this one.
    pub(crate) fn before(self, passed: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(passed)))
    }

    /// For arithmetic beyond that of moments.
    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }
}

/// The duration in nanoseconds; `u64::MAX` beyond 584 years.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The instant from which the moments of an application are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(pub(crate) Instant);

impl Epoch {
    #[inline]
    pub(crate) fn now(self) -> Moment {
        self.moment(Instant::now())
    }

    #[inline]
    pub(crate) fn moment(self, at: Instant) -> Moment {
        match at.checked_duration_since(self.0) {
            Some(since) => Moment(EPOCH.saturating_add(nanos(since))),
            None => self.moment_before(at),
        }
    }

    #[cold]
    fn moment_before(self, at: Instant) -> Moment {
        Moment(EPOCH.saturating_sub(nanos(self.0.duration_since(at))))
    }

    /// `None` for a moment that is never reached.
    pub(crate) fn instant(self, at: Moment) -> Option<Instant> {
        if at == Moment::NEVER {
            return None;
        }
        match at.0.checked_sub(EPOCH) {
            Some(since) => self.0.checked_add(Duration::from_nanos(since)),
            None => self.0.checked_sub(Duration::from_nanos(EPOCH - at.0)),
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_the_same_after_its_moment() {
        let now = Instant::now();
        let epoch = Epoch(now);
        for nanos in [0, 1, 999_999_999, 1_000_000_000, 86_400_000_000_123] {
            let wait = Duration::from_nanos(nanos);
            for at in [now.checked_add(wait), now.checked_sub(wait)] {
                assert_eq!(at.and_then(|at| epoch.instant(epoch.moment(at))), at);
            }
        }
    }

    #[test]
    fn what_lies_centuries_ahead_is_never_reached() {
        let epoch = Epoch(Instant::now());
        for wait in [Duration::MAX, Duration::from_secs(30_000_000_000)] {
            assert_eq!(epoch.now().after(wait), Moment::NEVER);
        }
        assert_eq!(epoch.instant(Moment::NEVER), None);
        let century = Duration::from_secs(3_155_760_000);
        assert!(epoch.now().after(4 * century) < Moment::NEVER);
    }
}
