//! How long to wait between attempts: longer each time, up to a limit. A random part keeps services that
//! fail together from trying again together.

use std::time::Duration;

/// The waits between attempts that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retry {
    from: Duration,
    up_to: Duration,
}

impl Retry {
    /// The first wait, and the longest.
    #[must_use]
    pub const fn new(from: Duration, up_to: Duration) -> Self {
        Self { from, up_to }
    }

    /// The wait after this many failures: doubled each time, less a random part of up to a half. Never zero.
    pub(crate) fn wait_after(self, failures: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let full = self.from.saturating_mul(doubled).min(self.up_to);
        // Half of a nanosecond is none.
        full.mul_f64(1.0 - fastrand::f64() / 2.0)
            .max(Duration::from_nanos(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_less_at_most_a_half() {
        let retry = Retry::new(Duration::from_millis(100), Duration::from_secs(1));
        for (failures, full) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1000),
            (99, 1000),
        ] {
            let full = Duration::from_millis(full);
            for _ in 0..100 {
                let wait = retry.wait_after(failures);
                assert!(
                    full / 2 <= wait && wait <= full,
                    "{wait:?} after {failures}"
                );
            }
        }
    }
}
