//! The instants at which ticks are due, as arithmetic on a fixed grid: no timer, no clock.

use std::time::Duration;

use tokio::time::Instant;

/// The points `start + interval`, `start + 2 * interval`, .. and the next of them that is due.
#[derive(Debug)]
pub(crate) struct Grid {
    interval: Duration,
    due: Instant,
}

/// Beyond this no timer needs to wake: about thirty years.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

impl Grid {
    /// None when the first point lies past the end of time.
    pub(crate) fn new(start: Instant, interval: Duration) -> Option<Self> {
        let due = start.checked_add(interval)?;
        Some(Self { interval, due })
    }

    /// When the next tick is due. In the past when the tick before it has overrun: then it runs at
    /// once.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Moves on to the first point after `now`, the start of the tick that was due: all points
    /// missed until then were that tick.
    pub(crate) fn advance(&mut self, now: Instant) {
        let late = now.saturating_duration_since(self.due);
        let next = if late < self.interval {
            self.due.checked_add(self.interval)
        } else {
            now.checked_add(self.interval.saturating_sub(remainder(late, self.interval)))
        };
        self.due = next.or_else(|| now.checked_add(FAR)).unwrap_or(now);
    }
}

/// `late % interval`, for an interval that is not zero.
fn remainder(late: Duration, interval: Duration) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let nanos = late.as_nanos() % interval.as_nanos();
    // Shorter than `late`, so its seconds fit as well as those did.
    let seconds = u64::try_from(nanos / SECOND).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % SECOND).unwrap_or_default();
    Duration::new(seconds, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_after(starts: &[u64]) -> Vec<u128> {
        let origin = Instant::now();
        let mut grid = Grid::new(origin, Duration::from_millis(10)).unwrap();
        let mut due = vec![(grid.due() - origin).as_millis()];
        for &start in starts {
            grid.advance(origin + Duration::from_millis(start));
            due.push((grid.due() - origin).as_millis());
        }
        due
    }

    #[test]
    fn points_follow_each_other_on_the_grid() {
        assert_eq!(due_after(&[10, 20, 30]), [10, 20, 30, 40]);
    }

    #[test]
    fn a_late_tick_takes_all_missed_points_and_the_grid_stays() {
        assert_eq!(due_after(&[10, 47]), [10, 20, 50]);
        assert_eq!(due_after(&[10, 40]), [10, 20, 50]);
    }

    #[test]
    fn an_endless_interval_has_no_first_point() {
        assert!(Grid::new(Instant::now(), Duration::MAX).is_none());
    }

    #[test]
    fn a_long_interval_never_overflows() {
        let origin = Instant::now();
        let mut grid = Grid {
            interval: Duration::MAX,
            due: origin,
        };
        grid.advance(origin);
        assert_eq!(grid.due(), origin + FAR);
    }

    #[test]
    fn a_stall_of_a_billion_points_ends_at_the_next_one() {
        let origin = Instant::now();
        let mut grid = Grid::new(origin, Duration::from_nanos(1)).unwrap();
        let now = origin + Duration::from_secs(3_600);
        grid.advance(now);
        assert_eq!(grid.due(), now + Duration::from_nanos(1));
    }
}
