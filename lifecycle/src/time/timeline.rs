//! A schedule by interval or delay: the instants of its ticks, one after another.

use std::time::Duration;

use tokio::time::Instant;

use super::jitter::random_below;
use super::outlook::Outlook;
use super::point::Point;
use super::{CLOCK_CHECK, First, Missed, Plan, ScheduleKind, Timing};

/// Where a schedule stands: when the next tick is due, and the grid point it follows.
#[derive(Debug)]
pub(crate) struct Timeline {
    plan: &'static Plan,
    /// The grid point of the last tick. `None` before a first tick that the period does not set.
    point: Option<Instant>,
    /// When the next tick is due; in the past when the last tick overran it. `None` while that tick
    /// runs, and when the instant is too far away for an `Instant`.
    due: Option<Instant>,
    /// How many points before `due` have passed, and have no tick but the one that is due.
    missed: u64,
    /// How many points have passed, and have no tick of their own, since this was taken last.
    left_out: u64,
    /// The durations that the next tick was planned by.
    timing: Timing,
    /// The period that was shown last; zero before.
    shown: Duration,
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
            missed: 0,
            left_out: 0,
            timing,
            shown: Duration::ZERO,
        };
        timeline.due = timeline.first(delay, now);
        timeline
    }

    /// When the next tick is due. If that is past, it is due at once.
    #[inline]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// When the loop must check again whether a tick is due, and read the service's values.
    #[inline]
    pub(crate) fn wake_at(&self, now: Instant) -> Instant {
        let check = now + CLOCK_CHECK;
        self.due.map_or(check, |due| due.min(check))
    }

    /// What the ticks after the next one are counted from, if that has changed.
    #[inline]
    pub(crate) fn new_outlook(&mut self) -> Option<Outlook> {
        let period = self.timing.period;
        if self.shown == period {
            return None;
        }
        self.shown = period;
        Some(match self.plan.kind {
            ScheduleKind::Interval => Outlook::Every(period),
            ScheduleKind::Delay | ScheduleKind::Cron => Outlook::AfterEnd(Box::new(period)),
        })
    }

    /// The durations that the next tick was planned by.
    #[inline]
    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// How long a tick may take.
    #[inline]
    pub(crate) fn tick_timeout(&self) -> Option<Duration> {
        self.timing.tick_timeout
    }

    /// Takes the service's current durations while no tick is due. A new period begins a new grid now, so
    /// no point before now is missed. A first tick that the period does not set stays where it is.
    pub(crate) fn change(&mut self, now: Instant, timing: Timing) {
        let is_other = self.timing.period != timing.period;
        self.timing = timing;
        if is_other && self.point.is_some() {
            self.begin_anew(now);
        }
    }

    /// What a tick that begins now is for; `None` when none is due. It counts for all grid points up to now,
    /// unless each point has a tick of its own.
    #[inline]
    pub(crate) fn point(&self, now: Instant) -> Option<Point> {
        let due = self.due.filter(|due| *due <= now)?;
        let collapses = self.plan.kind == ScheduleKind::Interval
            && self.plan.missed != Missed::Burst
            && !self.jitters();
        let (due, passed) = if collapses {
            latest(due, now, self.timing.period)
        } else {
            (due, 0)
        };
        Some(Point {
            due,
            time: None,
            missed: self.missed.saturating_add(passed),
        })
    }

    /// The tick for this point begins.
    #[inline]
    pub(crate) fn begin(&mut self, point: Point) {
        // What was missed before is counted since the last tick has ended.
        self.leave_out(point.missed.saturating_sub(self.missed));
        self.due = None;
        self.point = Some(point.due);
        self.missed = 0;
    }

    /// A tick has ended, one that was due or one that was triggered: plans the next by the service's
    /// current durations.
    #[inline]
    pub(crate) fn end(&mut self, now: Instant, timing: Timing) {
        let before = std::mem::replace(&mut self.timing, timing);
        match self.plan.kind {
            ScheduleKind::Interval if before.period != timing.period => self.change_grid(now),
            ScheduleKind::Interval => self.plan_on_grid(now, before.jitter == timing.jitter),
            ScheduleKind::Delay | ScheduleKind::Cron => self.due = self.after(now),
        }
    }

    /// Ticks may begin again after a pause. Those by delay miss no point.
    pub(crate) fn resume(&mut self, now: Instant) {
        if self.plan.kind == ScheduleKind::Interval {
            self.catch_up(now);
        }
    }

    /// How many points have passed, and have no tick of their own, since this was called last.
    #[inline]
    pub(crate) fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    #[inline]
    fn leave_out(&mut self, count: u64) {
        self.left_out = self.left_out.saturating_add(count);
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
            Some(next) if next.is_none_or(|next| now <= next) => {
                self.due = next;
                self.missed = 0;
            }
            _ => self.begin_anew(now),
        }
    }

    fn begin_anew(&mut self, now: Instant) {
        self.point = Some(now);
        self.due = self.after(now);
        self.missed = 0;
    }

    #[inline]
    fn plan_on_grid(&mut self, now: Instant, same_jitter: bool) {
        // The next point was drawn at random. A triggered tick must not draw it anew.
        let is_drawn = self.jitters() && self.due.is_some() && same_jitter;
        if let Some(point) = self.point.filter(|_| !is_drawn) {
            self.due = self.after(point);
            self.missed = 0;
        }
        self.catch_up(now);
    }

    /// Applies the rule for missed points, if the next one has passed.
    #[inline]
    fn catch_up(&mut self, now: Instant) {
        let Some(due) = self.due.filter(|due| *due < now) else {
            return;
        };
        match self.plan.missed {
            Missed::Burst => {}
            Missed::Delay => {
                let (_, passed) = latest(due, now, self.timing.period);
                self.leave_out(passed.saturating_add(1));
                self.begin_anew(now);
            }
            Missed::Coalesce => {
                let (last, passed) = latest(due, now, self.timing.period);
                // Random points form no grid to return to: the late tick is the next point.
                self.due = Some(if self.jitters() { now } else { last });
                self.missed = self.missed.saturating_add(passed);
                self.leave_out(passed);
            }
            Missed::Skip => {
                self.due = self.skip_to(now, due);
                self.missed = 0;
            }
        }
    }

    /// The first point from `now` on, of the points that follow `due`. Those before it are left out.
    fn skip_to(&mut self, now: Instant, due: Instant) -> Option<Instant> {
        // Skips the whole periods at once. One more is left, or with jitter a few random points.
        let (mut point, passed) = latest(due, now, self.timing.period);
        self.leave_out(passed);
        while point < now {
            self.leave_out(1);
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

/// The latest point of the grid through `due` that is not after `now`, and how many points it comes after `due`.
#[inline]
fn latest(due: Instant, now: Instant, interval: Duration) -> (Instant, u64) {
    // The usual case needs no division.
    if due.checked_add(interval).is_none_or(|next| now < next) {
        return (due, 0);
    }
    let (passed, rest) = divide(now.saturating_duration_since(due), interval);
    (now.checked_sub(rest).unwrap_or(due), passed)
}

/// How often the interval, which is not zero, is contained in `late`, and the rest.
fn divide(late: Duration, interval: Duration) -> (u64, Duration) {
    const SECOND: u128 = 1_000_000_000;
    let (late, interval) = (late.as_nanos(), interval.as_nanos());
    let rest = late % interval;
    // The rest is shorter than `late`, so its seconds fit into a `u64` too.
    let seconds = u64::try_from(rest / SECOND).unwrap_or(u64::MAX);
    let nanos = u32::try_from(rest % SECOND).unwrap_or_default();
    let times = u64::try_from(late / interval).unwrap_or(u64::MAX);
    (times, Duration::new(seconds, nanos))
}
