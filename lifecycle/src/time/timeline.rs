//! A schedule by interval or delay: the moments of its ticks, one after another.

use std::time::Duration;

use super::jitter::random_nanos_below;
use super::moment::{Moment, nanos};
use super::outlook::Outlook;
use super::point::Point;
use super::{CLOCK_CHECK, First, Missed, Plan, ScheduleKind, Timing};

/// Where a schedule stands: when the next tick is due, and the grid point it follows.
#[derive(Debug)]
pub(crate) struct Timeline {
    plan: &'static Plan,
    /// The grid point of the last tick. `None` before a first tick that the period does not set.
    point: Option<Moment>,
    /// When the next tick is due; in the past when the last tick overran it. `NEVER` while that tick runs, and when
    /// it is centuries away.
    due: Moment,
    /// How many points before `due` have passed, and have no tick but the one that is due.
    missed: u64,
    /// How many points have passed, and have no tick of their own, since this was taken last.
    left_out: u64,
    /// The durations that the next tick was planned by, and two of them in nanoseconds.
    timing: Timing,
    period: u64,
    jitter: u64,
    /// Not shown yet.
    outlook: Option<Outlook>,
}

impl Timeline {
    /// The schedule of a service that is running from `now` on.
    pub(crate) fn new(
        plan: &'static Plan,
        timing: Timing,
        delay: Option<Duration>,
        now: Moment,
    ) -> Self {
        let mut timeline = Self {
            plan,
            point: None,
            due: Moment::NEVER,
            missed: 0,
            left_out: 0,
            timing,
            period: 0,
            jitter: 0,
            outlook: None,
        };
        timeline.follow(timing);
        timeline.due = timeline.first(delay, now);
        timeline
    }

    /// Takes over these durations.
    #[cold]
    fn follow(&mut self, timing: Timing) {
        let (before, period) = (self.period, nanos(timing.period));
        (self.period, self.jitter) = (period, nanos(timing.jitter));
        self.timing = timing;
        if period != before {
            self.outlook = Some(match self.plan.kind {
                ScheduleKind::Interval => Outlook::Every(timing.period),
                ScheduleKind::Delay | ScheduleKind::Cron => {
                    Outlook::AfterEnd(Box::new(timing.period))
                }
            });
        }
    }

    /// When the next tick is due. If that is past, it is due at once.
    #[inline]
    pub(crate) fn due(&self) -> Moment {
        self.due
    }

    /// When the loop must check again whether a tick is due, and read the service's values.
    #[inline]
    pub(crate) fn wake_at(&self, now: Moment) -> Moment {
        self.due.min(now.after(CLOCK_CHECK))
    }

    /// What the ticks after the next one are counted from, if that has changed.
    #[inline]
    pub(crate) fn new_outlook(&mut self) -> Option<Outlook> {
        self.outlook.take()
    }

    /// How long a tick may take.
    #[inline]
    pub(crate) fn tick_timeout(&self) -> Option<Duration> {
        self.timing.tick_timeout
    }

    /// Takes the service's current durations while no tick is due. A new period begins a new grid now, so
    /// no point before now is missed. A first tick that the period does not set stays where it is.
    pub(crate) fn change(&mut self, now: Moment, timing: &Timing) {
        let before = self.period;
        self.follow(*timing);
        if self.period != before && self.point.is_some() {
            self.begin_anew(now);
        }
    }

    /// What a tick that begins now is for; `None` when none is due. It counts for all grid points up to now,
    /// unless each point has a tick of its own.
    #[inline]
    pub(crate) fn point(&self, now: Moment) -> Option<Point> {
        if self.due > now {
            return None;
        }
        let collapses = self.plan.kind == ScheduleKind::Interval
            && self.plan.missed != Missed::Burst
            && !self.jitters();
        let (due, passed) = if collapses {
            latest(self.due, now, self.period)
        } else {
            (self.due, 0)
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
        self.due = Moment::NEVER;
        self.point = Some(point.due);
        self.missed = 0;
    }

    /// The durations that the next tick was planned by.
    #[inline]
    pub(crate) fn timing(&self) -> &Timing {
        &self.timing
    }

    /// A tick has ended, one that was due or one that was triggered: plans the next, by these durations if they have
    /// changed.
    #[inline]
    pub(crate) fn end(&mut self, now: Moment, changed: Option<&Timing>) {
        let mut same_jitter = true;
        if let Some(timing) = changed {
            let (period, jitter) = (self.period, self.jitter);
            self.follow(*timing);
            same_jitter = self.jitter == jitter;
            if self.plan.kind == ScheduleKind::Interval && self.period != period {
                self.change_grid(now);
                return;
            }
        }
        match self.plan.kind {
            ScheduleKind::Interval => self.plan_on_grid(now, same_jitter),
            ScheduleKind::Delay | ScheduleKind::Cron => self.due = self.after(now),
        }
    }

    /// Ticks may begin again after a pause. Those by delay miss no point.
    pub(crate) fn resume(&mut self, now: Moment) {
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

    fn first(&mut self, delay: Option<Duration>, now: Moment) -> Moment {
        match (delay, self.plan.first) {
            (Some(delay), _) => self.within_jitter(now.after(delay)),
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
    #[cold]
    fn change_grid(&mut self, now: Moment) {
        let was_due = self.due == Moment::NEVER;
        if self.point.is_none() && !was_due {
            return;
        }
        let next = self
            .point
            .filter(|_| was_due)
            .map(|point| self.after(point));
        match next {
            Some(next) if now <= next => {
                self.due = next;
                self.missed = 0;
            }
            _ => self.begin_anew(now),
        }
    }

    fn begin_anew(&mut self, now: Moment) {
        self.point = Some(now);
        self.due = self.after(now);
        self.missed = 0;
    }

    #[inline]
    fn plan_on_grid(&mut self, now: Moment, same_jitter: bool) {
        // The next point was drawn at random. A triggered tick must not draw it anew.
        let is_drawn = self.jitters() && self.due != Moment::NEVER && same_jitter;
        if let Some(point) = self.point.filter(|_| !is_drawn) {
            self.due = self.after(point);
            self.missed = 0;
        }
        self.catch_up(now);
    }

    /// Applies the rule for missed points, if the next one has passed.
    #[inline]
    fn catch_up(&mut self, now: Moment) {
        if self.due < now {
            self.catch_up_with(now);
        }
    }

    #[cold]
    fn catch_up_with(&mut self, now: Moment) {
        match self.plan.missed {
            Missed::Burst => {}
            Missed::Delay => {
                let (_, passed) = latest(self.due, now, self.period);
                self.leave_out(passed.saturating_add(1));
                self.begin_anew(now);
            }
            Missed::Coalesce => {
                let (last, passed) = latest(self.due, now, self.period);
                // Random points form no grid to return to: the late tick is the next point.
                self.due = if self.jitters() { now } else { last };
                self.missed = self.missed.saturating_add(passed);
                self.leave_out(passed);
            }
            Missed::Skip => {
                self.due = self.skip_to(now, self.due);
                self.missed = 0;
            }
        }
    }

    /// The first point from `now` on, of the points that follow `due`. Those before it are left out.
    fn skip_to(&mut self, now: Moment, due: Moment) -> Moment {
        // Skips the whole periods at once. One more is left, or with jitter a few random points.
        let (mut point, passed) = latest(due, now, self.period);
        self.leave_out(passed);
        while point < now {
            self.leave_out(1);
            point = self.after(point);
        }
        point
    }

    #[inline]
    fn jitters(&self) -> bool {
        self.jitter != 0
    }

    /// One period after `from`, less a random part of the jitter.
    #[inline]
    fn after(&self, from: Moment) -> Moment {
        let early = random_nanos_below(self.jitter);
        from.after_nanos(self.period.saturating_sub(early))
    }

    fn within_jitter(&self, from: Moment) -> Moment {
        from.after_nanos(random_nanos_below(self.jitter))
    }
}

/// The latest point of the grid through `due` that is not after `now`, and how many points it comes after `due`.
#[inline]
fn latest(due: Moment, now: Moment, interval: u64) -> (Moment, u64) {
    let late = now.nanos_since(due);
    // The usual case needs no division. An interval is never zero.
    if late < interval {
        return (due, 0);
    }
    let passed = late.checked_div(interval).unwrap_or_default();
    (due.after_nanos(passed.saturating_mul(interval)), passed)
}
