//! All samples of one moment, for libraries that ask for one family after another.

use lifecycle::Handle;

use super::family::Family;
use super::{Buckets, Labels, Sink, Subject, Value, collect};

#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) families: Vec<(&'static Family, Vec<Sample>)>,
}

#[derive(Debug)]
pub(super) struct Sample {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) value: Value,
}

impl Snapshot {
    pub(super) fn of(handle: &Handle) -> Self {
        let mut snapshot = Self::default();
        collect(&Subject::of(handle), &mut snapshot);
        snapshot
    }
}

impl Sink for Snapshot {
    fn begin(&mut self, family: &'static Family) {
        self.families.push((family, Vec::new()));
    }

    fn sample(&mut self, _: &'static Family, labels: Labels<'_>, value: Value) {
        let service = labels.service.map(|name| ("service", name));
        let labels = service.into_iter().chain(labels.other);
        let labels = labels.map(|(key, value)| (key, value.to_owned())).collect();
        if let Some((_, samples)) = self.families.last_mut() {
            samples.push(Sample { labels, value });
        }
    }

    /// There are none without events.
    fn buckets(&mut self, _: &'static Family, _: &str, _: &Buckets<'_>) {}
}
