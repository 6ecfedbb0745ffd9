//! When each token was last seen, kept in memory until it is written to the database.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::clock::Timestamp;

/// Refuses an observation once [`close`](Observations::close) was called: it would be acknowledged and then lost.
#[derive(Debug, thiserror::Error)]
#[error("the server is stopping")]
pub struct Closed;

#[derive(Default)]
pub struct Observations(Mutex<State>);

#[derive(Default)]
struct State {
    latest: HashMap<String, Timestamp>,
    closed: bool,
}

impl Observations {
    pub fn record(&self, id: &str, at: Timestamp) -> Result<(), Closed> {
        let mut state = self.state();
        if state.closed {
            return Err(Closed);
        }
        let latest = state.latest.entry(id.to_owned()).or_insert(at);
        *latest = at.max(*latest);
        Ok(())
    }

    pub fn latest(&self, id: &str) -> Option<Timestamp> {
        self.state().latest.get(id).copied()
    }

    /// What is to be written. It stays here until [`written`](Self::written) is told: a flush that fails, or is dropped half
    /// way, loses nothing.
    pub fn pending(&self) -> Vec<(String, Timestamp)> {
        self.state()
            .latest
            .iter()
            .map(|(id, at)| (id.clone(), *at))
            .collect()
    }

    /// Forgets what was written, except for tokens that were seen again since.
    pub fn written(&self, flushed: &[(String, Timestamp)]) {
        let mut state = self.state();
        for (id, at) in flushed {
            if state.latest.get(id) == Some(at) {
                state.latest.remove(id);
            }
        }
    }

    pub fn open(&self) {
        self.state().closed = false;
    }

    pub fn close(&self) {
        self.state().closed = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_again_during_a_flush_is_kept() {
        let (early, late) = (Timestamp::from_seconds(1), Timestamp::from_seconds(2));
        let observations = Observations::default();
        observations.record("a", early).unwrap();
        observations.record("b", early).unwrap();

        let flushed = observations.pending();
        observations.record("b", late).unwrap();
        observations.written(&flushed);

        assert_eq!(observations.latest("a"), None);
        assert_eq!(observations.pending(), [("b".to_owned(), late)]);
    }

    #[test]
    fn time_never_runs_backwards() {
        let observations = Observations::default();
        observations
            .record("a", Timestamp::from_seconds(2))
            .unwrap();
        observations
            .record("a", Timestamp::from_seconds(1))
            .unwrap();
        assert_eq!(observations.latest("a"), Some(Timestamp::from_seconds(2)));
    }

    #[test]
    fn nothing_is_accepted_after_the_close() {
        let observations = Observations::default();
        observations.close();
        observations.record("a", Timestamp::now()).unwrap_err();
        assert!(observations.pending().is_empty());
    }
}
