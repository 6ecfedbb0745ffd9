//! The instants of a schedule, one after another.

use std::time::Duration;

use tokio::time::Instant;

use super::jitter::random_below;
use super::{CLOCK_CHECK, First, Kind, Missed, Plan, Timing};

/// Where a schedule stands: the tick that is due, and the point it follows.
#[derive(Debug)]
pub(crate) struct Timeline {
    plan: &'static Plan,
    /// The point of the grid that the tick before belongs to, where the next one is counted from
    /// it.
    point: Option<Instant>,
    /// When the next tick is due; in the past when the one before has overrun it. None when it lies
    /// past the end of time.
    due: Option<Instant>,
    /// The durations it was planned by.
    timing: Timing,
}

impl Timeline {
    /// The schedule of a service that is running from `now` on.
    pub(crate) fn new(
        plan: &'static Plan,
        timing: Timing,
        delay: Option<Duration>,
        now: Instant,
    ) -> Self {
        let mut timeline = Self {
            plan,
            point: None,
            due: None,
            timing,
        };
        timeline.due = timeline.first(delay, now);
        timeline
    }

    /// When the next tick is due. A past instant: at once.
    #[inline]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// When to look whether a tick is due, or the service says something else.
    #[inline]
    pub(crate) fn wake(&self, now: Instant) -> Instant {
        let look = now + CLOCK_CHECK;
        self.due.map_or(look, |due| due.min(look))
    }

    /// What it goes by.
    #[inline]
    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// How long a tick may take.
    #[inline]
    pub(crate) fn tick_timeout(&self) -> Option<Duration> {
        self.timing.tick_timeout
    }

    /// What the service says while no tick is due. Another period holds from now on: there are no
    /// points before. A first tick that does not depend on it stays where it is.
    pub(crate) fn change(&mut self, now: Instant, timing: Timing) {
        let is_other = self.timing.period != timing.period;
        self.timing = timing;
        if is_other && self.point.is_some() {
            self.begin_anew(now);
        }
    }

    /// The tick that is due begins. Points of the grid that have gone by until now are this tick,
    /// unless each is to have its own.
    #[inline]
    pub(crate) fn begin(&mut self, now: Instant) {
        let due = self.due.take().unwrap_or(now);
        let collapses = self.plan.kind == Kind::Interval
            && self.plan.missed != Missed::Burst
            && !self.jitters();
        self.point = Some(if collapses {
            latest(due, now, self.timing.period)
        } else {
            due
        });
    }

    /// A tick has ended, one that was due or one that was asked for: plans the next by what the
    /// service says by now.
    #[inline]
    pub(crate) fn end(&mut self, now: Instant, timing: Timing) {
        let before = std::mem::replace(&mut self.timing, timing);
        match self.plan.kind {
            Kind::Interval if before.period != timing.period => self.change_grid(now),
            Kind::Interval => self.plan_on_grid(now, before.jitter == timing.jitter),
            Kind::Delay | Kind::Cron => self.due = self.after(now),
        }
    }

    fn first(&mut self, delay: Option<Duration>, now: Instant) -> Option<Instant> {
        match (delay, self.plan.first) {
            (Some(delay), _) => self.within_jitter(now.checked_add(delay)?),
            (None, First::Immediate) => self.within_jitter(now),
            (None, First::Default) if self.jitters() => self.within_jitter(now),
            (None, First::Default | First::AfterInterval) => {
                self.point = Some(now);
                self.after(now)
            }
        }
    }

    /// The interval has changed. It counts from the tick that has just ended, if that was due and the
    /// next point lies ahead; otherwise from now.
    fn change_grid(&mut self, now: Instant) {
        if self.point.is_none() && self.due.is_some() {
            return;
        }
        let was_due = self.due.is_none();
        let next = self
            .point
            .filter(|_| was_due)
            .map(|point| self.after(point));
        match next {
            Some(next) if next.is_none_or(|next| now <= next) => self.due = next,
            _ => self.begin_anew(now),
        }
    }

    fn begin_anew(&mut self, now: Instant) {
        self.point = Some(now);
        self.due = self.after(now);
    }

    #[inline]
    fn plan_on_grid(&mut self, now: Instant, same_jitter: bool) {
        // A tick that was merely asked for leaves a random point where it is.
        let is_drawn = self.jitters() && self.due.is_some() && same_jitter;
        if let Some(point) = self.point.filter(|_| !is_drawn) {
            self.due = self.after(point);
        }
        let Some(due) = self.due.filter(|due| *due < now) else {
            return;
        };
        self.due = match self.plan.missed {
            Missed::Burst => Some(due),
            Missed::Delay => {
                self.point = Some(now);
                self.after(now)
            }
            // Random points are no grid to return to: the late tick is the next of them.
            Missed::Coalesce if self.jitters() => Some(now),
            Missed::Coalesce => Some(latest(due, now, self.timing.period)),
            Missed::Skip => self.first_from(due, now),
        };
    }

    /// The first point from `now` on, of the points that follow `due`.
    fn first_from(&self, due: Instant, now: Instant) -> Option<Instant> {
        // Whole periods are passed over. What is left is one more, or random points until one is there.
        let mut point = latest(due, now, self.timing.period);
        while point < now {
            point = self.after(point)?;
        }
        Some(point)
    }

    #[inline]
    fn jitters(&self) -> bool {
        !self.timing.jitter.is_zero()
    }

    /// One period after `from`, less a random part of the jitter.
    #[inline]
    fn after(&self, from: Instant) -> Option<Instant> {
        let early = random_below(self.timing.jitter);
        from.checked_add(self.timing.period.saturating_sub(early))
    }

    fn within_jitter(&self, from: Instant) -> Option<Instant> {
        from.checked_add(random_below(self.timing.jitter))
    }
}

/// The latest point of the grid through `due` that is not after `now`.
#[inline]
fn latest(due: Instant, now: Instant, interval: Duration) -> Instant {
    // Nearly always.
    if due.checked_add(interval).is_none_or(|next| now < next) {
        return due;
    }
    let late = now.saturating_duration_since(due);
    now.checked_sub(remainder(late, interval)).unwrap_or(due)
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
