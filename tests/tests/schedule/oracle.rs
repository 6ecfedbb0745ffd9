//! When ticks may begin, computed from the definitions alone: in whole milliseconds since the service is running, with nothing
//! known of how the library does it.
//!
//! Where chance enters, the answer is a range: a random point lies somewhere between two milliseconds, and a timer that waits for
//! it fires on the next whole one.

use lifecycle::__private::{First, Missed, ScheduleKind};

/// A schedule and how long its ticks take.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: ScheduleKind,
    pub missed: Missed,
    pub first: First,
    pub every: u64,
    pub jitter: u64,
    pub initial_delay: Option<u64>,
    /// One after the other, and from the beginning again.
    pub takes: Vec<u64>,
}

/// From the first of these milliseconds to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range(pub u64, pub u64);

impl Range {
    fn plus(self, least: u64, most: u64) -> Self {
        Self(self.0 + least, self.1 + most)
    }

    fn not_before(self, instant: u64) -> Self {
        Self(self.0.max(instant), self.1.max(instant))
    }
}

impl Case {
    pub fn takes(&self, tick: usize) -> u64 {
        self.takes[tick % self.takes.len()]
    }

    /// The first point.
    fn first(&self) -> Range {
        let (every, jitter) = (self.every, self.jitter);
        let later = |from| Range(from, from + jitter);
        // Counted from a whole millisecond, "less than the jitter early" is at least one beyond the earliest.
        let earlier = Range(every - jitter + u64::from(jitter > 0), every);
        match (self.initial_delay, self.first) {
            (Some(delay), _) => later(delay),
            (None, First::Immediate) => later(0),
            (None, First::Default) if jitter > 0 => later(0),
            (None, First::Default | First::AfterInterval) => earlier,
        }
    }

    /// The point after one in this range.
    fn next(&self, point: Range) -> Range {
        point.plus(self.every - self.jitter, self.every)
    }

    /// The point after the end of a tick, where the schedule is counted from there.
    fn after(&self, end: u64) -> Range {
        let at_least_one = u64::from(self.jitter > 0);
        Range(end, end).plus(self.every - self.jitter + at_least_one, self.every)
    }

    /// The instants of a schedule without chance.
    pub fn exact(&self, count: usize) -> Vec<u64> {
        assert_eq!(self.jitter, 0);
        let mut walk = Walk::new(self);
        for tick in 0..count {
            let Range(start, latest) = walk.allowed();
            assert_eq!(start, latest, "nothing is left to chance");
            walk.began(start, self.takes(tick));
        }
        walk.starts
    }
}

/// Follows a schedule tick by tick: what is allowed next depends on what was seen so far.
#[derive(Debug)]
pub struct Walk<'a> {
    case: &'a Case,
    /// Where the next point of the schedule may be.
    point: Range,
    /// When the tick before ended.
    end: u64,
    pub starts: Vec<u64>,
}

impl<'a> Walk<'a> {
    pub fn new(case: &'a Case) -> Self {
        let point = case.first();
        Self {
            case,
            point,
            end: 0,
            starts: Vec::new(),
        }
    }

    /// When the next tick may begin.
    pub fn allowed(&self) -> Range {
        let Self {
            case, end, point, ..
        } = *self;
        let on_time = point.not_before(end);
        // A point that the last tick ended on is not late.
        let surely_late = point.1 < end;
        let maybe_late = point.0 < end || (point.0 == end && case.jitter > 0);
        if case.kind == ScheduleKind::Delay || !maybe_late {
            return on_time;
        }
        let late = match case.missed {
            Missed::Coalesce | Missed::Burst => Range(end, end),
            Missed::Delay => case.after(end),
            Missed::Skip if case.jitter == 0 => {
                let grid = (end - point.0).div_ceil(case.every);
                let at = point.0 + grid * case.every;
                Range(at, at)
            }
            // The last point before the end is less than an interval away from the next.
            Missed::Skip => Range(end, end + case.every),
        };
        if surely_late {
            late
        } else {
            Range(on_time.0.min(late.0), on_time.1.max(late.1))
        }
    }

    /// A tick began at `start`, and took so long.
    pub fn began(&mut self, start: u64, took: u64) {
        let case = self.case;
        let late = start == self.end && self.point.0 < start;
        let end = start + took;
        self.point = match (case.kind, case.missed) {
            (ScheduleKind::Delay, _) => case.after(end),
            // Each point has its tick; this one's is somewhere before its start.
            (_, Missed::Burst) if late => case.next(Range(self.point.0, self.point.1.min(start))),
            // The late tick is for the latest point of the grid.
            (_, Missed::Coalesce) if late && case.jitter == 0 => {
                let grid = (start - self.point.0) / case.every;
                let latest = self.point.0 + grid * case.every;
                case.next(Range(latest, latest))
            }
            _ => case.next(Range(start, start)),
        };
        self.end = end;
        self.starts.push(start);
    }
}
