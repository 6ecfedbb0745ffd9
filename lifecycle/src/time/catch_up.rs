//! A schedule that is remembered: which of its points is due, by the point that its memory knows of and by the wall
//! clock. It sets no timer and asks no memory; its callers pass both in.
//!
//! Points are times of the wall clock, because that is what outlives a process. A point of an interval is so many
//! periods after the one that is remembered.

#[cfg(test)]
mod tests;

#[cfg(feature = "cron")]
use std::collections::VecDeque;
#[cfg(feature = "cron")]
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::jitter::random_below;
use super::outlook::Outlook;
#[cfg(feature = "cron")]
use super::{Reading, Times};
use crate::report::point::Point;

/// How many missed points get a tick of their own, at most.
pub(crate) const MAX_BURST: u64 = 100;

/// The times that a schedule names.
#[derive(Clone, Debug)]
pub(crate) enum Points {
    /// On a grid of this period.
    Every(Duration),
    /// So long after the end of the tick before.
    AfterEnd(Duration),
    /// Those of a cron expression.
    #[cfg(feature = "cron")]
    Times(Arc<Times>),
}

/// The values of a schedule at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) points: Points,
    /// How late a point may be begun.
    pub(crate) window: Duration,
    pub(crate) jitter: Duration,
    pub(crate) tick_timeout: Option<Duration>,
}

/// Where a schedule stands.
#[derive(Debug)]
pub(crate) struct CatchUp {
    values: Values,
    /// Whether each missed point has a tick of its own.
    is_burst: bool,
    /// Points up to this one have had their tick, or are skipped.
    done: SystemTime,
    /// What was begun by a run that is over, and was not ended.
    open: Option<Point>,
    /// How much later than its point the next tick begins: a random part of the jitter.
    late: Duration,
}

/// What is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A tick for this point, now. It stands for so many earlier ones as well.
    Tick { point: Point, missed: u64 },
    /// Nothing before this time.
    At(SystemTime),
    /// Nothing ever.
    Never,
}

/// So many points have no tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) count: u64,
    pub(crate) why: WhySkipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhySkipped {
    /// They are older than this window.
    TooOld(Duration),
    /// There are so many others after them.
    TooMany,
}

/// The points that have passed and have had no tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Passed {
    /// How many are older than the window.
    too_old: u64,
    /// The newest of those.
    last_too_old: Option<SystemTime>,
    /// How many others there are.
    count: u64,
    /// The newest of the others.
    newest: Option<SystemTime>,
}

impl CatchUp {
    /// The schedule of a run that finds this as the last point in its memory. What was begun and not ended was dropped
    /// with the run before.
    pub(crate) fn new(values: Values, is_burst: bool, last: Point, ended: bool) -> Self {
        let late = random_below(values.jitter);
        Self {
            values,
            is_burst,
            done: last.at,
            open: (!ended && last.attempt > 0).then_some(last),
            late,
        }
    }

    /// What is due now, and which points are left out for good. Those are told once.
    pub(crate) fn next(&mut self, now: SystemTime) -> (Option<Skipped>, Next) {
        let now = now.checked_sub(self.late).unwrap_or(now);
        let from = now.checked_sub(self.values.window);
        let from = from.unwrap_or(SystemTime::UNIX_EPOCH);
        if let Points::AfterEnd(period) = self.values.points {
            return self.next_after_end(period, from, now);
        }
        let passed = self.values.points.passed(self.done, from, now);
        let mut skipped = passed.too_old;
        if let Some(last) = passed.last_too_old {
            self.done = self.done.max(last);
        }
        if self.open.is_some_and(|open| open.at < from) {
            self.open = None;
            skipped += 1;
        }
        let too_old = (skipped > 0).then_some(Skipped {
            count: skipped,
            why: WhySkipped::TooOld(self.values.window),
        });
        let Some(newest) = passed.newest else {
            return (
                too_old,
                self.retry().unwrap_or_else(|| self.wait(self.done)),
            );
        };
        if !self.is_burst {
            // What was begun before is older than the newest point, which stands for it too.
            let missed = passed.count - 1 + u64::from(self.open.is_some());
            let point = Point::new(newest, 1);
            return (too_old, Next::Tick { point, missed });
        }
        if let Some(retry) = self.retry() {
            return (too_old, retry);
        }
        let too_many = passed.count.saturating_sub(MAX_BURST);
        if too_many > 0 {
            self.done = self
                .values
                .points
                .before_newest(self.done.max(from_edge(from, self.done)), newest);
        }
        let skipped = match (too_old, too_many) {
            (_, 0) => too_old,
            (before, count) => Some(Skipped {
                count: count + before.map_or(0, |before| before.count),
                why: WhySkipped::TooMany,
            }),
        };
        let oldest = self.values.points.after(self.done);
        let point = Point::new(oldest.unwrap_or(newest), 1);
        (skipped, Next::Tick { point, missed: 0 })
    }

    /// A tick of a schedule by delay stands for nothing else, however late it is.
    fn next_after_end(
        &mut self,
        period: Duration,
        from: SystemTime,
        now: SystemTime,
    ) -> (Option<Skipped>, Next) {
        let open = self.open.take_if(|open| open.at < from);
        let skipped = open.map(|_| Skipped {
            count: 1,
            why: WhySkipped::TooOld(self.values.window),
        });
        let next = match (self.retry(), self.done.checked_add(period)) {
            (Some(retry), _) => retry,
            (None, None) => Next::Never,
            (None, Some(due)) if due > now => self.at(due),
            // Never the time of one that began before: the clock may have been set back.
            (None, Some(due)) => Next::Tick {
                point: Point::new(if due < from { now } else { due }, 1),
                missed: 0,
            },
        };
        (skipped, next)
    }

    /// Another attempt at what was begun and not ended.
    fn retry(&self) -> Option<Next> {
        let open = self.open?;
        let point = Point::new(open.at, open.attempt.saturating_add(1));
        Some(Next::Tick { point, missed: 0 })
    }

    fn wait(&self, done: SystemTime) -> Next {
        match self.values.points.after(done) {
            Some(point) => self.at(point),
            None => Next::Never,
        }
    }

    fn at(&self, point: SystemTime) -> Next {
        point.checked_add(self.late).map_or(Next::Never, Next::At)
    }

    /// The tick for this point begins.
    pub(crate) fn begin(&mut self, point: Point) {
        self.done = self.done.max(point.at);
        self.open = None;
        self.late = random_below(self.values.jitter);
    }

    /// The memory has begun this point, and its tick did not run.
    pub(crate) fn leave_open(&mut self, point: Point) {
        self.done = self.done.max(point.at);
        self.open = Some(point);
    }

    /// A tick has ended, one that was due or one that was triggered.
    pub(crate) fn end(&mut self, now: SystemTime) {
        if matches!(self.values.points, Points::AfterEnd(_)) {
            self.done = self.done.max(now);
        }
    }

    /// Another process has begun this point: it is not ours.
    pub(crate) fn learn(&mut self, last: SystemTime) {
        self.done = self.done.max(last);
        self.open = None;
    }

    /// The service gives other values from now on. A new period counts from the last point, if its next one lies ahead,
    /// and otherwise from now: no point before now was missed by it.
    pub(crate) fn change(&mut self, values: Values, now: SystemTime) {
        let is_other = !self.values.points.are(&values.points);
        if is_other && values.points.after(self.done).is_none_or(|next| next < now) {
            self.done = self.done.max(now);
        }
        if self.values.jitter != values.jitter {
            self.late = random_below(values.jitter);
        }
        self.values = values;
    }

    pub(crate) fn tick_timeout(&self) -> Option<Duration> {
        self.values.tick_timeout
    }

    /// What the ticks after the next one are counted from.
    pub(crate) fn outlook(&self) -> Outlook {
        match &self.values.points {
            Points::Every(period) => Outlook::Every(*period),
            Points::AfterEnd(delay) => Outlook::AfterEnd(Box::new(*delay)),
            #[cfg(feature = "cron")]
            Points::Times(times) => Outlook::Times(times.clone()),
        }
    }

    /// How far the last point lies ahead of the clock.
    pub(crate) fn ahead(&self, now: SystemTime) -> Duration {
        self.done.duration_since(now).unwrap_or_default()
    }
}

/// Just before the window begins, or later.
fn from_edge(from: SystemTime, done: SystemTime) -> SystemTime {
    from.checked_sub(Duration::from_micros(1)).unwrap_or(done)
}

impl Points {
    /// The first point after this one.
    pub(crate) fn after(&self, point: SystemTime) -> Option<SystemTime> {
        match self {
            Self::Every(period) | Self::AfterEnd(period) => point.checked_add(*period),
            #[cfg(feature = "cron")]
            Self::Times(times) => times.after(Reading::timestamp(point)).map(SystemTime::from),
        }
    }

    /// Whether both name the same times.
    pub(crate) fn are(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Every(one), Self::Every(other))
            | (Self::AfterEnd(one), Self::AfterEnd(other)) => one == other,
            #[cfg(feature = "cron")]
            (Self::Times(one), Self::Times(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// The points after `done`, up to `now`; `from` is where the window begins.
    fn passed(&self, done: SystemTime, from: SystemTime, now: SystemTime) -> Passed {
        match self {
            Self::Every(period) => passed_of_grid(*period, done, from, now),
            Self::AfterEnd(_) => Passed::default(),
            #[cfg(feature = "cron")]
            Self::Times(times) => passed_of(times, done, from, now),
        }
    }

    /// The point, or the time, before the newest [`MAX_BURST`] points up to `newest`, which all come after `done`.
    fn before_newest(&self, done: SystemTime, newest: SystemTime) -> SystemTime {
        match self {
            Self::Every(period) | Self::AfterEnd(period) => {
                let span = u32::try_from(MAX_BURST)
                    .map_or(Duration::MAX, |count| period.saturating_mul(count));
                newest.checked_sub(span).unwrap_or(done)
            }
            #[cfg(feature = "cron")]
            Self::Times(times) => before_newest_of(times, done, newest),
        }
    }
}

fn passed_of_grid(period: Duration, done: SystemTime, from: SystemTime, now: SystemTime) -> Passed {
    let periods = |until: SystemTime| {
        let since = until.duration_since(done).unwrap_or_default();
        let nanos = period.as_nanos().max(1);
        (since.as_nanos(), since.as_nanos() / nanos, nanos)
    };
    let (_, all, nanos) = periods(now);
    let too_old = match periods(from) {
        (0, ..) => 0,
        // A point at the very edge is within the window.
        (since, whole, _) if since % nanos == 0 => whole - 1,
        (_, whole, _) => whole,
    };
    let nth = |count: u128| {
        let span = nanos.checked_mul(count)?;
        let seconds = u64::try_from(span / 1_000_000_000).ok()?;
        let rest = u32::try_from(span % 1_000_000_000).ok()?;
        done.checked_add(Duration::new(seconds, rest))
    };
    let count = all.saturating_sub(too_old);
    Passed {
        too_old: u64::try_from(too_old).unwrap_or(u64::MAX),
        last_too_old: (too_old > 0).then(|| nth(too_old)).flatten(),
        count: u64::try_from(count).unwrap_or(u64::MAX),
        newest: (count > 0).then(|| nth(all)).flatten(),
    }
}

/// Each is counted up to some thousand: see [`Times::latest`].
#[cfg(feature = "cron")]
fn passed_of(times: &Times, done: SystemTime, from: SystemTime, now: SystemTime) -> Passed {
    let [last, now, edge] = [done, now, from_edge(from, done)].map(Reading::timestamp);
    let count_up_to = |after, until| {
        let first = times.after(after).filter(|first| *first <= until)?;
        let (newest, passed) = times.latest(first, until);
        Some((newest, passed + 1))
    };
    let too_old = if edge > last {
        count_up_to(last, edge)
    } else {
        None
    };
    let others = count_up_to(last.max(edge), now);
    Passed {
        too_old: too_old.map_or(0, |(_, count)| count),
        last_too_old: too_old.map(|(newest, _)| newest.into()),
        count: others.map_or(0, |(_, count)| count),
        newest: others.map(|(newest, _)| newest.into()),
    }
}

/// Looks back over spans that double, until one holds enough points or reaches back to `done`.
#[cfg(feature = "cron")]
fn before_newest_of(times: &Times, done: SystemTime, newest: SystemTime) -> SystemTime {
    let kept = usize::try_from(MAX_BURST).unwrap_or(usize::MAX);
    let end = Reading::timestamp(newest);
    let mut span = Duration::from_secs(MAX_BURST);
    loop {
        let start = newest.checked_sub(span).unwrap_or(done).max(done);
        let mut last = VecDeque::with_capacity(kept + 1);
        let mut point = Reading::timestamp(start);
        while let Some(next) = times.after(point).filter(|next| *next <= end) {
            point = next;
            last.push_back(next);
            if last.len() > kept {
                last.pop_front();
            }
        }
        let is_full = last.len() == kept;
        if let Some(first) = last.front().filter(|_| is_full || start == done) {
            let before: SystemTime = (*first).into();
            return from_edge(before, done);
        }
        span = span.saturating_mul(2);
    }
}
