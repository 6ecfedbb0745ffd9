//! The last ticks of a schedule that have ended, in a ring of 16 bytes for each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::report::tick::{TickCause, TickOutcome, TickRun};
use crate::time::moment::Moment;

/// How many are kept.
const KEPT: usize = 32;

/// A tick that has ended, packed. Its number follows from its place.
#[derive(Clone, Copy, Debug, Default)]
struct EndedTick {
    /// What the wall clock showed when it began, in nanoseconds after `WallClock::base`.
    started: i64,
    /// How many nanoseconds it took, above the bits of its cause and of how it ended.
    rest: u64,
}

const TRIGGERED: u64 = 1;
const FAILED: u64 = 2;
const DROPPED: u64 = 4;
const BITS: u32 = 3;

/// How a tick has ended.
#[derive(Debug)]
pub(crate) enum TickEnd {
    /// It returned, and this is the text of its error, if it failed.
    Returned(Option<Arc<str>>),
    Dropped,
}

#[derive(Debug, Default)]
pub(crate) struct TickHistory {
    wall: WallClock,
    /// How many ticks have ended. The next one takes the place of the oldest.
    ended: u64,
    ring: [EndedTick; KEPT],
    /// The texts of those that have failed; `None` until one does.
    errors: Option<Box<Errors>>,
}

/// The texts of errors, the oldest first, with the number of ticks that had ended before.
type Errors = VecDeque<(u64, Arc<str>)>;

/// What the wall clock shows beside the clock of the schedule, as it was seen last.
#[derive(Debug)]
struct WallClock {
    /// What it showed at first.
    base: SystemTime,
    /// By how many nanoseconds the wall clock, counted from `base`, is ahead of the schedule's clock.
    ahead: i64,
}

impl Default for WallClock {
    fn default() -> Self {
        let base = SystemTime::UNIX_EPOCH;
        Self { base, ahead: 0 }
    }
}

impl WallClock {
    /// The wall clock shows this now.
    fn see(&mut self, at: Moment, wall: SystemTime, is_first: bool) {
        if is_first {
            self.base = wall;
        }
        let since = match wall.duration_since(self.base) {
            Ok(after) => signed(after),
            Err(before) => -signed(before.duration()),
        };
        self.ahead = since.wrapping_sub_unsigned(at.number());
    }

    #[inline]
    fn nanos_at(&self, at: Moment) -> i64 {
        self.ahead.wrapping_add_unsigned(at.number())
    }

    fn time(&self, nanos: i64) -> SystemTime {
        let distance = Duration::from_nanos(nanos.unsigned_abs());
        let time = if nanos < 0 {
            self.base.checked_sub(distance)
        } else {
            self.base.checked_add(distance)
        };
        time.unwrap_or(self.base)
    }
}

/// Nanoseconds, up to 292 years.
fn signed(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

impl TickHistory {
    /// The wall clock shows this now. `is_first`: no tick has begun before.
    pub(crate) fn see_wall(&mut self, at: Moment, wall: SystemTime, is_first: bool) {
        self.wall.see(at, wall, is_first);
    }

    /// What the wall clock showed at this moment, by what was seen of it last.
    pub(crate) fn wall_at(&self, at: Moment) -> SystemTime {
        self.wall.time(self.wall.nanos_at(at))
    }

    #[inline]
    pub(crate) fn push(&mut self, cause: TickCause, began: Moment, ended: Moment, end: TickEnd) {
        let mut bits = match cause {
            TickCause::Schedule => 0,
            TickCause::Trigger => TRIGGERED,
        };
        match end {
            TickEnd::Returned(None) => {}
            TickEnd::Returned(Some(error)) => {
                bits |= FAILED;
                self.keep_error(error);
            }
            TickEnd::Dropped => bits |= DROPPED,
        }
        let took = ended.nanos_since(began).min(u64::MAX >> BITS);
        self.ring[place(self.ended)] = EndedTick {
            started: self.wall.nanos_at(began),
            rest: took << BITS | bits,
        };
        self.ended += 1;
        if self.errors.is_some() {
            self.forget_errors();
        }
    }

    #[cold]
    fn keep_error(&mut self, error: Arc<str>) {
        let errors = self.errors.get_or_insert_default();
        errors.push_back((self.ended, error));
    }

    /// Drops the errors of ticks that have lost their place.
    #[cold]
    fn forget_errors(&mut self) {
        let oldest = self.ended.saturating_sub(KEPT as u64);
        if let Some(errors) = &mut self.errors {
            while errors.front().is_some_and(|(number, _)| *number < oldest) {
                errors.pop_front();
            }
        }
    }

    /// The oldest one first. The last one has this number.
    pub(crate) fn runs(&self, last: u64) -> Vec<TickRun> {
        let count = self.ended.min(KEPT as u64);
        let numbers = last.saturating_sub(count) + 1..;
        let ended = self.ended - count..self.ended;
        numbers
            .zip(ended)
            .map(|(number, ended)| self.run(number, ended))
            .collect()
    }

    /// The tick before whose end so many had ended.
    fn run(&self, number: u64, ended: u64) -> TickRun {
        let EndedTick { started, rest } = self.ring[place(ended)];
        TickRun {
            number,
            cause: if rest & TRIGGERED == 0 {
                TickCause::Schedule
            } else {
                TickCause::Trigger
            },
            started: self.wall.time(started),
            took: Duration::from_nanos(rest >> BITS),
            outcome: match rest & (FAILED | DROPPED) {
                0 => TickOutcome::Succeeded,
                FAILED => TickOutcome::Failed(self.error(ended)),
                _ => TickOutcome::Dropped,
            },
        }
    }

    fn error(&self, ended: u64) -> Arc<str> {
        let mut errors = self.errors.iter().flat_map(|errors| errors.iter());
        let error = errors.find(|(number, _)| *number == ended);
        error.map_or_else(|| "".into(), |(_, error)| error.clone())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder fits whatever is cut off before"
)]
#[inline]
fn place(ended: u64) -> usize {
    (ended % KEPT as u64) as usize
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::time::moment::Epoch;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_run_shows_the_wall_clock_as_it_was_though_that_was_set_since() {
        let (mut history, first) = (
            TickHistory::default(),
            SystemTime::UNIX_EPOCH + 100 * SECOND,
        );
        let began = Epoch(Instant::now()).now();
        // Set back by an hour, to before the first time it was read, and then ahead by a century.
        let walls = [
            first,
            first - 3_600 * SECOND,
            first + 4_000_000_000 * SECOND,
        ];
        for (index, wall) in walls.into_iter().enumerate() {
            history.see_wall(began, wall, index == 0);
            for cause in [TickCause::Schedule, TickCause::Trigger] {
                let end = TickEnd::Returned(None);
                history.push(cause, began.after(SECOND), began.after(3 * SECOND), end);
            }
        }
        let runs = history.runs(6);
        for (run, index) in runs.iter().zip(0..) {
            assert_eq!(run.started, walls[index / 2] + SECOND);
            assert_eq!(run.took, 2 * SECOND);
            assert_eq!(run.cause == TickCause::Trigger, index % 2 == 1);
        }
    }

    #[test]
    fn the_error_of_a_run_is_kept_for_as_long_as_the_run() {
        let mut history = TickHistory::default();
        let began = Epoch(Instant::now()).now();
        let error: Arc<str> = "full".into();
        for number in 1..=50 {
            let text = (number % 3 == 0 && number <= 12).then(|| error.clone());
            history.push(TickCause::Schedule, began, began, TickEnd::Returned(text));
            let failed = |run: &TickRun| run.outcome.error().is_some();
            let shown = history.runs(number);
            assert_eq!(shown.len() as u64, number.min(32));
            assert!(
                shown
                    .iter()
                    .all(|run| failed(run) == (run.number % 3 == 0 && run.number <= 12))
            );
            let kept = shown.iter().filter(|run| failed(run)).count();
            drop(shown);
            assert_eq!(Arc::strong_count(&error), kept + 1, "after {number}");
        }
    }

    #[test]
    fn a_run_takes_sixteen_bytes() {
        assert_eq!(size_of::<EndedTick>(), 16);
    }
}
