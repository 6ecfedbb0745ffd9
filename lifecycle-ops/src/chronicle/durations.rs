//! How long ticks take: a histogram for each schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lifecycle::{Event, EventKind, Name, ServiceStatus};

/// The upper ends of the buckets in milliseconds, and as they stand in labels. The last one, which has no end, is
/// not among them.
const BOUNDS: [(u64, &str); 13] = [
    (1, "0.001"),
    (5, "0.005"),
    (10, "0.01"),
    (50, "0.05"),
    (100, "0.1"),
    (500, "0.5"),
    (1_000, "1.0"),
    (5_000, "5.0"),
    (10_000, "10.0"),
    (30_000, "30.0"),
    (60_000, "60.0"),
    (300_000, "300.0"),
    (3_600_000, "3600.0"),
];

/// Between two removals of those that are gone so many services more are kept at most.
const ROOM: usize = 1_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Durations {
    services: BTreeMap<Name, Histogram>,
    /// How many there were when those that are gone were removed last.
    retained: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// How many ticks each bucket has, those of the smaller ones not included.
    buckets: [u64; BOUNDS.len()],
    pub(crate) count: u64,
    pub(crate) sum: Duration,
}

impl Durations {
    pub(super) fn note(&mut self, event: &Event) {
        let (EventKind::TickEnded { took, .. }, Some(name)) = (&event.kind, &event.service) else {
            return;
        };
        if let Some(histogram) = self.services.get_mut(name) {
            histogram.add(*took);
            return;
        }
        // Members of groups come and go, and perhaps no metrics are asked for meanwhile.
        if self.services.len() >= self.retained + ROOM {
            self.services.clear();
            self.retained = 0;
        }
        self.services.entry(name.clone()).or_default().add(*took);
    }

    /// Removes all but these.
    pub(super) fn retain(&mut self, services: &[ServiceStatus]) {
        let names: BTreeSet<&Name> = services.iter().map(|status| &status.name).collect();
        self.services.retain(|name, _| names.contains(name));
        self.retained = self.services.len();
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = (&str, &Histogram)> {
        let services = self.services.iter();
        services.map(|(name, histogram)| (name.as_str(), histogram))
    }
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let is_within = |(bound, _): &(u64, &str)| took <= Duration::from_millis(*bound);
        if let Some(bucket) = BOUNDS.iter().position(is_within) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum += took;
    }

    /// How many ticks took no longer than each bound.
    pub(crate) fn cumulated(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let sums = self.buckets.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS.iter().map(|(_, label)| *label).zip(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_counts_in_each_bucket_that_it_fits_into() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 2, 5_000, 5_001, 7_200_000] {
            histogram.add(Duration::from_millis(millis));
        }
        let counts: Vec<u64> = histogram.cumulated().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5]);
        assert_eq!(histogram.count, 6);
        assert_eq!(histogram.sum, Duration::from_millis(7_210_004));
    }
}
