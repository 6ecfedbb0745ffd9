//! What a schedule has had to put up with: ticks that failed, values and a memory that can't be followed.

use std::sync::Arc;

use tokio::time::Instant;

use super::TickFacts;
use crate::report::error::OptionError;
use crate::report::point::Point as RememberedPoint;

/// Kept in a box of its own, because most services never have any.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) failures: u64,
    pub(super) failures_in_a_row: u64,
    pub(super) last_failure: Option<Arc<str>>,
    /// How many points have no tick of their own.
    pub(super) missed: u64,
    /// How many of those were not told of yet.
    pub(super) untold: u64,
    /// The more gaps were told of, the later this is.
    pub(super) told_until: Option<Instant>,
    /// Why the schedule can't follow the service's values, and the same as a sentence.
    pub(super) refused: Option<(OptionError, Arc<str>)>,
}

/// What is known of a schedule that is remembered.
#[derive(Debug)]
pub(super) struct MemoryFacts {
    pub(super) name: Arc<str>,
    /// What the tick that was due last has begun.
    pub(super) point: Option<RememberedPoint>,
    /// Why the memory can't be followed, as a sentence.
    pub(super) trouble: Option<Arc<str>>,
}

impl TickFacts {
    /// The service's values can't be followed, and the schedule goes on as before. Returns the sentence
    /// to log, if it is a new one.
    pub(crate) fn refuse(&self, error: OptionError) -> Option<Arc<str>> {
        let mut inner = self.inner();
        let problems = inner.problems.get_or_insert_default();
        if matches!(&problems.refused, Some((before, _)) if *before == error) {
            return None;
        }
        let sentence: Arc<str> = error.to_string().into();
        problems.refused = Some((error, sentence.clone()));
        Some(sentence)
    }

    /// The schedule follows the service's values. Returns whether it did not before.
    pub(crate) fn accept(&self) -> bool {
        let mut inner = self.inner();
        let problems = inner.problems.as_deref_mut();
        problems.is_some_and(|problems| problems.refused.take().is_some())
    }

    /// The schedule is remembered by this name from now on.
    pub(crate) fn remember_as(&self, name: Arc<str>) {
        let facts = MemoryFacts {
            name,
            point: None,
            trouble: None,
        };
        self.inner().memory = Some(Box::new(facts));
    }

    /// The next tick that is due has begun this point.
    pub(crate) fn begun_point(&self, point: RememberedPoint) {
        if let Some(memory) = &mut self.inner().memory {
            memory.point = Some(point);
        }
    }

    /// Why the memory can't be followed, or that it can. Returns whether that is new.
    pub(crate) fn set_trouble(&self, why: Option<&Arc<str>>) -> bool {
        let mut inner = self.inner();
        let Some(memory) = &mut inner.memory else {
            return false;
        };
        let is_new = memory.trouble.as_ref() != why;
        memory.trouble = why.cloned();
        is_new
    }
}
