//! The instants at which a schedule will tick, if nothing comes between.

use std::iter;
#[cfg(feature = "cron")]
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

#[cfg(feature = "cron")]
use super::{Reading, Times};
use crate::report::tick::{ScheduleKind, ScheduleRule, Upcoming};

/// What the ticks after the next one are counted from.
#[derive(Clone, Debug)]
pub(crate) enum Outlook {
    /// From each other.
    Every(Duration),
    /// From the end of the one before, which is not known. In a box, so that each schedule is the smaller.
    AfterEnd(Box<Duration>),
    /// From nothing: these are their times.
    #[cfg(feature = "cron")]
    Times(Arc<Times>),
}

/// Where a schedule stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) now: Instant,
    pub(crate) wall: SystemTime,
    /// When the next tick is due; `None` while one is in flight that was due itself.
    pub(crate) next: Option<Instant>,
    /// When that one was due.
    pub(crate) in_flight: Option<Instant>,
}

impl Outlook {
    /// The rule that all the ticks follow.
    pub(crate) fn rule(&self) -> ScheduleRule {
        let (kind, period) = match self {
            Self::Every(period) => (ScheduleKind::Interval, *period),
            Self::AfterEnd(delay) => (ScheduleKind::Delay, **delay),
            #[cfg(feature = "cron")]
            Self::Times(times) => return times.rule(),
        };
        ScheduleRule {
            kind,
            period: Some(period),
            cron: None,
            zone: None,
        }
    }

    /// The next ticks, so many at most.
    pub(crate) fn ahead(&self, standing: Standing, count: usize) -> Vec<Upcoming> {
        let upcoming = |at| standing.upcoming(at);
        match self {
            Self::AfterEnd(_) => standing
                .next
                .into_iter()
                .take(count)
                .map_while(upcoming)
                .collect(),
            Self::Every(period) => {
                let first = standing.next.or_else(|| standing.next_point(*period));
                let points = iter::successors(first, |at| at.checked_add(*period));
                points.take(count).map_while(upcoming).collect()
            }
            #[cfg(feature = "cron")]
            Self::Times(times) => standing.times(times, count),
        }
    }
}

impl Standing {
    fn upcoming(&self, at: Instant) -> Option<Upcoming> {
        let time = match at.checked_duration_since(self.now) {
            Some(wait) => self.wall.checked_add(wait),
            None => self.wall.checked_sub(self.now.duration_since(at)),
        };
        Some(Upcoming { at, time: time? })
    }

    /// The first point after now, on the grid of the tick in flight.
    fn next_point(&self, period: Duration) -> Option<Instant> {
        let passed = self.now.saturating_duration_since(self.in_flight?);
        let rest = passed.as_nanos().checked_rem(period.as_nanos())?;
        let rest = Duration::new(
            u64::try_from(rest / 1_000_000_000).ok()?,
            u32::try_from(rest % 1_000_000_000).ok()?,
        );
        self.now.checked_add(period.checked_sub(rest)?)
    }

    /// The tick that is planned, which has a time or an option has set it, and then the times that follow.
    #[cfg(feature = "cron")]
    fn times(&self, times: &Times, count: usize) -> Vec<Upcoming> {
        let first = self.next.and_then(|at| self.upcoming(at));
        let from = first.as_ref().map_or(self.wall, |first| first.time);
        // The clocks may differ by a little, and the times are whole seconds.
        let from = from.checked_add(Duration::from_millis(500)).unwrap_or(from);
        let rest = iter::successors(times.after(Reading::timestamp(from)), |time| {
            times.after(*time)
        });
        let rest = rest.map_while(|time| {
            let time = SystemTime::from(time);
            let wait = time.duration_since(self.wall).unwrap_or_default();
            let at = self.now.checked_add(wait)?;
            Some(Upcoming { at, time })
        });
        let first = first.map(|first| Upcoming {
            time: to_whole_second(first.time),
            ..first
        });
        first.into_iter().chain(rest).take(count).collect()
    }
}

/// The whole second that this is, but for what the clocks differ by.
#[cfg(feature = "cron")]
fn to_whole_second(time: SystemTime) -> SystemTime {
    const DIFFERENCE: Duration = Duration::from_millis(50);
    let whole = time.checked_add(DIFFERENCE).and_then(|shifted| {
        let since = shifted.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let beyond = Duration::from_nanos(since.subsec_nanos().into());
        (beyond <= 2 * DIFFERENCE).then(|| shifted.checked_sub(beyond))?
    });
    whole.unwrap_or(time)
}
