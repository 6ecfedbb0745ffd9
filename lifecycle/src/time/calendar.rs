//! A schedule by cron expression: which times have had their tick, and which time is next. It sets no
//! timer, and its callers pass the current time in.
//!
//! No timer can follow the wall clock: the wall clock is set ahead and back, and it goes on while the
//! machine sleeps. So the loop reads it at least once a minute, and this file compares it with the
//! monotonic clock.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use super::cron::{CronValues, Times};
use super::jitter::random_below;
use super::moment::Moment;
use super::outlook::Outlook;
use super::point::Point;
use super::{CLOCK_CHECK, First, Missed, Plan};

/// A wall clock that gained more than this was set, or the machine has slept.
const MAX_AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// A wall clock that lost more than this was wrong before: times that had their tick by it are due again.
const MAX_BACK: SignedDuration = SignedDuration::from_hours(-1);

/// What both clocks show at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) at: Moment,
    pub(crate) wall: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Calendar {
    plan: Plan,
    times: Arc<Times>,
    /// Whether the times were shown.
    is_shown: bool,
    jitter: Duration,
    /// All times up to this one have had their tick, or were skipped.
    done: Timestamp,
    /// How many times have passed, and have no tick of their own, since this was taken last.
    left_out: u64,
    /// `None` while a tick runs, and when the expression names no further time.
    next: Option<Next>,
    reading: Reading,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// The first tick, where an option sets it and not the expression.
    First(Moment),
    /// The tick for `time`, which begins at `due`: later, if there is jitter or it was missed. It stands for
    /// `missed` times before as well.
    Time {
        time: Timestamp,
        due: Timestamp,
        missed: u64,
    },
}

impl Reading {
    pub(crate) fn new(at: Moment, wall: SystemTime) -> Self {
        let wall = Self::timestamp(wall);
        Self { at, wall }
    }

    /// The time, as near as the calendar comes to it.
    pub(crate) fn timestamp(wall: SystemTime) -> Timestamp {
        Timestamp::try_from(wall).unwrap_or(if wall < SystemTime::UNIX_EPOCH {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

impl Calendar {
    /// The schedule of a service that is running from `now` on.
    pub(crate) fn new(
        plan: Plan,
        times: Times,
        jitter: Duration,
        delay: Option<Duration>,
        now: Reading,
    ) -> Self {
        let mut calendar = Self {
            plan,
            times: Arc::new(times),
            is_shown: false,
            jitter,
            done: now.wall,
            left_out: 0,
            next: None,
            reading: now,
        };
        calendar.next = match (delay, plan.first) {
            (Some(delay), _) => Some(calendar.first(now.at.after(delay))),
            (None, First::Immediate) => Some(calendar.first(now.at)),
            (None, First::Default | First::AfterInterval) => calendar.after(now.wall),
        };
        calendar
    }

    /// The times of the ticks, if they have changed.
    pub(crate) fn new_outlook(&mut self) -> Option<Outlook> {
        let is_new = !mem::replace(&mut self.is_shown, true);
        is_new.then(|| Outlook::Times(self.times.clone()))
    }

    /// Whether the schedule was made of these values.
    pub(crate) fn is_made_of(&self, values: &CronValues, jitter: Duration) -> bool {
        self.times.values() == values && self.jitter == jitter && self.times.are_local_still()
    }

    /// When the next tick is due, if the wall clock is not set until then.
    pub(crate) fn due(&self) -> Moment {
        match self.next {
            None => Moment::NEVER,
            Some(Next::First(at)) => at,
            Some(Next::Time { due, .. }) => self.reading.at.after(self.until(due)),
        }
    }

    /// When the loop must check again.
    pub(crate) fn wake_at(&self) -> Moment {
        self.due().min(self.reading.at.after(CLOCK_CHECK))
    }

    /// What a tick that begins now is for; `None` when none is due. Times that the wall clock jumped over get
    /// one late tick, or none, but never one each: a clock that is set right may have been wrong by years.
    pub(crate) fn point(&mut self, now: Reading) -> Option<Point> {
        self.look(now);
        match self.next? {
            Next::First(due) => (due <= now.at).then_some(Point {
                due,
                time: None,
                missed: 0,
            }),
            Next::Time { time, due, missed } if due <= now.wall => {
                let (last, passed) = if self.has_tick_for_each() {
                    (time, 0)
                } else {
                    self.times.latest(time, now.wall)
                };
                let due = if self.jitter.is_zero() { last } else { due };
                Some(Point {
                    due: self.moment_before(due),
                    time: Some(last.into()),
                    missed: missed + passed,
                })
            }
            Next::Time { .. } => None,
        }
    }

    /// Looks at the clocks while no tick is in flight, and begins none.
    pub(crate) fn look(&mut self, now: Reading) {
        if self.read(now) {
            self.catch_up(now, self.missed_in_a_leap());
        }
    }

    /// Ticks may begin again after a pause.
    pub(crate) fn resume(&mut self, now: Reading) {
        self.look(now);
        self.catch_up(now, self.plan.missed);
    }

    /// A tick has ended, one that was due or one that was triggered: plans the next.
    pub(crate) fn end(&mut self, now: Reading) {
        let leapt = self.read(now);
        if self.next.is_none() {
            self.next = self.after(self.done);
        }
        let missed = if leapt {
            self.missed_in_a_leap()
        } else {
            self.plan.missed
        };
        self.catch_up(now, missed);
    }

    /// The service gives other values from now on.
    pub(crate) fn change(&mut self, times: Times, jitter: Duration, now: Reading) {
        self.read(now);
        self.times = Arc::new(times);
        self.is_shown = false;
        self.jitter = jitter;
        self.done = self.done.max(now.wall);
        if !matches!(self.next, Some(Next::First(_))) {
            self.next = self.after(self.done);
        }
    }

    /// Takes a new reading of both clocks. Returns whether the wall clock jumped ahead.
    fn read(&mut self, now: Reading) -> bool {
        let passed = now.at.since(self.reading.at);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let leap = now
            .wall
            .duration_since(self.reading.wall)
            .saturating_sub(passed);
        self.reading = now;
        if leap < MAX_BACK {
            self.done = now.wall;
            if !matches!(self.next, Some(Next::First(_))) {
                self.next = self.after(now.wall);
            }
        }
        leap > MAX_AHEAD
    }

    /// The tick for this point begins. It counts for all times up to now, unless each time has a tick of
    /// its own.
    pub(crate) fn begin(&mut self, point: Point) {
        let now = self.reading.wall;
        if let Some(Next::Time { missed, .. }) = self.next {
            // What was missed before is counted since it was found.
            self.leave_out(point.missed.saturating_sub(missed));
        }
        self.done = match self.next.take() {
            Some(Next::Time { time, .. }) if self.has_tick_for_each() => time,
            Some(Next::Time { time, .. }) => now.max(time),
            Some(Next::First(_)) | None => now.max(self.done),
        };
    }

    /// How many times have passed, and have no tick of their own, since this was called last.
    pub(crate) fn take_left_out(&mut self) -> u64 {
        mem::take(&mut self.left_out)
    }

    fn leave_out(&mut self, count: u64) {
        self.left_out = self.left_out.saturating_add(count);
    }

    fn has_tick_for_each(&self) -> bool {
        self.plan.missed == Missed::Burst || !self.jitter.is_zero()
    }

    /// Applies the rule for missed ticks to a time that has passed. A first tick that an option sets is
    /// never missed.
    fn catch_up(&mut self, now: Reading, missed: Missed) {
        let Some(Next::Time {
            time,
            due,
            missed: before,
        }) = self.next
        else {
            return;
        };
        if due >= now.wall {
            return;
        }
        match missed {
            Missed::Burst => {}
            Missed::Skip => {
                let (last, passed) = self.times.latest(time, now.wall);
                self.leave_out(passed + u64::from(last < now.wall));
                self.next = self.not_before(now.wall);
            }
            Missed::Coalesce | Missed::Delay => {
                let (time, passed) = self.times.latest(time, now.wall);
                self.leave_out(passed);
                self.next = Some(Next::Time {
                    time,
                    due: now.wall,
                    missed: before + passed,
                });
            }
        }
    }

    fn missed_in_a_leap(&self) -> Missed {
        match self.plan.missed {
            Missed::Burst => Missed::Coalesce,
            missed => missed,
        }
    }

    fn first(&self, at: Moment) -> Next {
        Next::First(at.after(random_below(self.jitter)))
    }

    fn after(&mut self, instant: Timestamp) -> Option<Next> {
        let time = self.times.after(instant)?;
        self.at(time)
    }

    fn not_before(&mut self, instant: Timestamp) -> Option<Next> {
        self.after(instant.checked_sub(SignedDuration::from_nanos(1)).ok()?)
    }

    /// The tick for this time, delayed by a random part of the jitter.
    fn at(&mut self, time: Timestamp) -> Option<Next> {
        let late = random_below(self.jitter);
        let due = time.checked_add(late).ok()?;
        Some(Next::Time {
            time,
            due,
            missed: 0,
        })
    }

    /// The moment at which the wall clock showed this, if it was not set since.
    fn moment_before(&self, wall: Timestamp) -> Moment {
        let Reading { at, wall: now } = self.reading;
        let passed = Duration::try_from(now.duration_since(wall)).unwrap_or_default();
        at.before(passed)
    }

    fn until(&self, due: Timestamp) -> Duration {
        let wait = due.duration_since(self.reading.wall);
        Duration::try_from(wait).unwrap_or(Duration::ZERO)
    }
}
