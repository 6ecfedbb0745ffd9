//! When ticks begin, computed from the definitions alone: in whole milliseconds since the service is running, with nothing known
//! of how the library does it.

use lifecycle::__private::{First, Missed};

/// A schedule by the seconds of a minute, and how long its ticks take.
#[derive(Clone, Debug)]
pub struct Case {
    pub cron: &'static str,
    /// The same for the oracle: the seconds of each minute.
    pub seconds: Vec<u64>,
    pub missed: Missed,
    pub first: First,
    pub initial_delay: Option<u64>,
    /// How far into a minute the service is running.
    pub offset: u64,
    /// One after the other, and from the beginning again.
    pub takes: Vec<u64>,
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;

impl Case {
    pub fn takes(&self, tick: usize) -> u64 {
        self.takes[tick % self.takes.len()]
    }

    /// The times that the expression names, from when the service is running.
    fn times(&self) -> impl Iterator<Item = u64> {
        let minutes = (0..).map(|minute| minute * MINUTE);
        let times = minutes.flat_map(|minute| {
            self.seconds
                .iter()
                .map(move |second| minute + second * SECOND)
        });
        times
            .filter_map(|time| time.checked_sub(self.offset))
            .filter(|time| *time > 0)
    }

    /// The time that follows this instant.
    fn after(&self, instant: u64) -> u64 {
        self.times().find(|time| *time > instant).unwrap()
    }

    /// When the first ticks begin.
    pub fn starts(&self, count: usize) -> Vec<u64> {
        let mut starts = Vec::new();
        let named = match (self.initial_delay, self.first) {
            (Some(delay), _) => Some(delay),
            (None, First::Immediate) => Some(0),
            (None, First::Default | First::AfterInterval) => None,
        };
        // Up to here every time has had its tick, or never will.
        let mut done = 0;
        let mut end = 0;
        for tick in 0..count {
            let time = match named {
                Some(first) if tick == 0 => first,
                _ => self.after(done),
            };
            let start = match self.missed {
                Missed::Skip if time < end => self.times().find(|time| *time >= end).unwrap(),
                _ => time.max(end),
            };
            done = match self.missed {
                Missed::Burst => time,
                _ => start,
            };
            end = start + self.takes(tick);
            starts.push(start);
        }
        starts
    }
}
