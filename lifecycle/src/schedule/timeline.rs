//! The instants of a schedule, one after another.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::jitter::random_below;
use super::{First, Kind, Missed, Plan, Timing};

/// Where a schedule stands: the tick that is due, and the point it follows.
#[derive(Debug)]
pub(crate) struct Timeline {
    plan: Plan,
    rng: Rng,
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
    pub(crate) fn new(plan: Plan, timing: Timing, delay: Option<Duration>, now: Instant) -> Self {
        let mut timeline = Self {
            plan,
            rng: Rng::new(),
            point: None,
            due: None,
            timing,
        };
        timeline.due = timeline.first(timing, delay, now);
        timeline
    }

    /// When the next tick is due. A past instant: at once.
    #[inline]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The tick that is due begins. Points of the grid that have gone by until now are this tick,
    /// unless each is to have its own.
    #[inline]
    pub(crate) fn begin(&mut self, now: Instant, timing: Timing) {
        let due = self.due.take().unwrap_or(now);
        let collapses = self.plan.kind == Kind::Interval
            && self.plan.missed != Missed::Burst
            && timing.jitter.is_zero();
        self.point = Some(if collapses {
            latest(due, now, timing.period)
        } else {
            due
        });
    }

    /// A tick has ended, one that was due or one that was asked for: plans the next.
    #[inline]
    pub(crate) fn end(&mut self, now: Instant, timing: Timing) {
        match self.plan.kind {
            Kind::Interval => self.plan_on_grid(now, timing),
            Kind::Delay | Kind::Cron => self.due = self.after(now, timing),
        }
    }

    fn first(&mut self, timing: Timing, delay: Option<Duration>, now: Instant) -> Option<Instant> {
        let jitters = !timing.jitter.is_zero();
        match (delay, self.plan.first) {
            (Some(delay), _) => self.within_jitter(now.checked_add(delay)?, timing),
            (None, First::Immediate) => self.within_jitter(now, timing),
            (None, First::Default) if jitters => self.within_jitter(now, timing),
            (None, First::Default | First::AfterInterval) => {
                self.point = Some(now);
                self.after(now, timing)
            }
        }
    }

    #[inline]
    fn plan_on_grid(&mut self, now: Instant, timing: Timing) {
        let jitters = !timing.jitter.is_zero();
        // Counted anew from the point before, for the interval may have changed. A tick that was
        // merely asked for leaves a random point where it is.
        let is_drawn = jitters && self.due.is_some() && self.timing == timing;
        self.timing = timing;
        if let Some(point) = self.point.filter(|_| !is_drawn) {
            self.due = self.after(point, timing);
        }
        let Some(due) = self.due.filter(|due| *due < now) else {
            return;
        };
        self.due = match self.plan.missed {
            Missed::Burst => Some(due),
            Missed::Delay => {
                self.point = Some(now);
                self.after(now, timing)
            }
            // Random points are no grid to return to: the late tick is the next of them.
            Missed::Coalesce if jitters => Some(now),
            Missed::Coalesce => Some(latest(due, now, timing.period)),
            Missed::Skip => self.first_from(due, now, timing),
        };
    }

    /// The first point from `now` on, of the points that follow `due`.
    fn first_from(&mut self, due: Instant, now: Instant, timing: Timing) -> Option<Instant> {
        // Whole periods are passed over. What is left is one more, or random points until one is there.
        let mut point = latest(due, now, timing.period);
        while point < now {
            point = self.after(point, timing)?;
        }
        Some(point)
    }

    /// One period after `from`, less a random part of the jitter.
    #[inline]
    fn after(&mut self, from: Instant, timing: Timing) -> Option<Instant> {
        let early = random_below(&mut self.rng, timing.jitter);
        from.checked_add(timing.period.saturating_sub(early))
    }

    fn within_jitter(&mut self, from: Instant, timing: Timing) -> Option<Instant> {
        from.checked_add(random_below(&mut self.rng, timing.jitter))
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
