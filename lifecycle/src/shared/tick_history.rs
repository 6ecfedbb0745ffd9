//! The last ticks of a schedule that have ended, in a ring that is allocated once.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::report::tick::{TickCause, TickOutcome, TickRun};

/// How many are kept.
const KEPT: usize = 32;

/// A tick that has ended. Its number follows from its place.
#[derive(Debug)]
pub(crate) struct EndedTick {
    pub(crate) cause: TickCause,
    pub(crate) started: SystemTime,
    /// Both instants, because only a reader needs the time between.
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) end: TickEnd,
}

/// How a tick has ended.
#[derive(Debug)]
pub(crate) enum TickEnd {
    /// It returned, and this is the text of its error, if it failed.
    Returned(Option<Arc<str>>),
    Dropped,
}

/// Without memory until the schedule is up for the first time.
#[derive(Debug, Default)]
pub(crate) struct TickHistory {
    ring: Vec<EndedTick>,
    /// The place of the oldest one, which the next one takes; the end, while there are free places.
    next: usize,
}

impl TickHistory {
    /// Takes the memory, so that no tick has to.
    pub(crate) fn reserve(&mut self) {
        if self.ring.capacity() == 0 {
            self.ring.reserve_exact(KEPT);
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, ended: EndedTick) {
        if let Some(oldest) = self.ring.get_mut(self.next) {
            *oldest = ended;
        } else {
            self.add(ended);
        }
        self.next = (self.next + 1) % KEPT;
    }

    #[cold]
    fn add(&mut self, ended: EndedTick) {
        self.ring.push(ended);
    }

    /// The oldest one first. The last one has this number.
    pub(crate) fn runs(&self, last: u64) -> Vec<TickRun> {
        let (newer, older) = self.ring.split_at(self.next.min(self.ring.len()));
        let in_order = older.iter().chain(newer);
        let count = u64::try_from(self.ring.len()).unwrap_or_default();
        let first = last.saturating_sub(count) + 1;
        (first..)
            .zip(in_order)
            .map(|(number, ended)| TickRun {
                number,
                cause: ended.cause,
                started: ended.started,
                took: ended.ended.saturating_duration_since(ended.began),
                outcome: match &ended.end {
                    TickEnd::Returned(None) => TickOutcome::Succeeded,
                    TickEnd::Returned(Some(error)) => TickOutcome::Failed(error.clone()),
                    TickEnd::Dropped => TickOutcome::Dropped,
                },
            })
            .collect()
    }
}
