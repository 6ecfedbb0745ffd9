//! The restarts of one service, as probes and the outcome see them. They are kept with the service's instance.
//!
//! # Invariants
//!
//! Only the supervisor writes them. Each method takes the lock once, and no user code runs under it: an error that
//! is replaced is dropped after it is released.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::report::error::ServiceError;

#[derive(Debug, Default)]
pub(crate) struct RestartFacts(Mutex<Facts>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// All of them, those by hand and with a dependency included.
    pub(crate) total: u64,
    /// Those that count for the policy.
    pub(crate) in_a_row: u32,
    /// The failure that the last one of these was for.
    pub(crate) last_error: Option<ServiceError>,
    /// The end of the last wait.
    pub(crate) next_start: Option<Instant>,
    /// The failure that the next run is to mend. It counts if there is none.
    unmended: Option<ServiceError>,
    /// How many further failures of the same run were logged.
    noted: u32,
}

impl RestartFacts {
    /// How many failures of a run that is being stopped for a restart are logged.
    const NOTED: u32 = 16;

    pub(crate) fn get(&self) -> Facts {
        self.facts().clone()
    }

    /// A restart that does not count for the policy.
    pub(crate) fn add(&self) {
        self.facts().total += 1;
    }

    /// A restart because of this failure.
    pub(crate) fn mend(&self, error: &ServiceError, in_a_row: u32) {
        let mut facts = self.facts();
        facts.total += 1;
        facts.in_a_row = in_a_row;
        facts.noted = 0;
        let before = (
            facts.last_error.replace(error.clone()),
            facts.unmended.replace(error.clone()),
        );
        drop(facts);
        drop(before);
    }

    /// Counts a further failure of the run that is being stopped. Returns whether it is to be logged.
    pub(crate) fn note(&self) -> bool {
        let mut facts = self.facts();
        facts.noted = facts.noted.saturating_add(1);
        facts.noted <= Self::NOTED
    }

    pub(crate) fn starts_at(&self, at: Instant) {
        self.facts().next_start = Some(at);
    }

    /// The restarts in a row are forgotten.
    pub(crate) fn forget(&self) {
        self.facts().in_a_row = 0;
    }

    /// Takes out the failure that no further run has mended: one begins, or none will.
    pub(crate) fn take_unmended(&self) -> Option<ServiceError> {
        mem::take(&mut self.facts().unmended)
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
