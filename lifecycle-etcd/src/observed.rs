//! How long a lease has shown no sign of life, by this process's own monotonic clock: when its term is over.
//!
//! etcd's own leases count in whole seconds, two at least, so they don't decide; and clocks of two machines are never compared. A replica
//! that wants a lease notes when it *saw* the holder's newest sign of life, which is a revision of etcd's, and takes the lease once it has looked
//! for a whole term and seen no newer one.
//!
//! # Invariants
//!
//! - The holder counts its term from before it *sent* a sign of life, and stops a tenth of a term earlier; another counts the same term from after it
//!   *saw* that sign. So the other's wait ends after the holder's term, as long as both monotonic clocks run at one pace, to a tenth. A
//!   clock that stands still while its machine sleeps makes a wait longer, never shorter.
//! - The take is conditional on the very revision that was watched: a sign of life that came meanwhile, seen or not, makes it fail.
//! - A wait is for one revision. Any other that is seen begins a new one, be it an older one: an answer that was overtaken makes a wait
//!   longer, and so does an etcd that was restored from a backup.
//! - The lock is held for look-ups only, never over a wait.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A hundred years: no process outlives it.
const LONGEST_TERM: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A sign of life of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    /// The revision it was written in.
    pub(crate) revision: i64,
    /// How long it is good for.
    pub(crate) term: Duration,
}

/// What was seen of each lease that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    names: Mutex<HashMap<String, Seen>>,
}

#[derive(Debug)]
struct Seen {
    sign: Sign,
    /// When the term is over, if no further sign of life comes.
    over: Instant,
    /// The newest revision of etcd's that this is from.
    looked_at: i64,
    /// Whether the end of the term was told to one who waited for it.
    told: bool,
}

/// What one who waits for a lease goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// When to ask again; `None` where that was told.
    pub(crate) over: Option<Instant>,
    /// What is newer than this has not been seen.
    pub(crate) looked_at: i64,
}

impl Observed {
    /// The newest sign of life, as etcd told it at this revision. Gives when the term is over.
    pub(crate) fn saw(&self, name: &str, sign: Sign, at: i64) -> Instant {
        let now = Instant::now();
        let mut names = self.names();
        let seen = names
            .get_mut(name)
            .filter(|seen| seen.sign.revision == sign.revision);
        if let Some(seen) = seen {
            seen.looked_at = seen.looked_at.max(at);
            return seen.over;
        }
        let over = now + sign.term.min(LONGEST_TERM);
        let seen = Seen {
            sign,
            over,
            looked_at: at,
            told: false,
        };
        names.insert(name.to_owned(), seen);
        over
    }

    /// No replica has the lease.
    pub(crate) fn is_free(&self, name: &str) {
        self.names().remove(name);
    }

    /// Whether the term of this grant is over by what was seen: no sign of life for as long as the last one was good for.
    pub(crate) fn is_over(&self, name: &str) -> bool {
        let names = self.names();
        names
            .get(name)
            .is_some_and(|seen| seen.over <= Instant::now())
    }

    /// `None` where the lease was never seen to be held.
    pub(crate) fn wait(&self, name: &str) -> Option<Wait> {
        let names = self.names();
        let seen = names.get(name)?;
        Some(Wait {
            over: (!seen.told).then_some(seen.over),
            looked_at: seen.looked_at,
        })
    }

    /// One who waited was told that the term is over.
    pub(crate) fn told(&self, name: &str) {
        if let Some(seen) = self.names().get_mut(name) {
            seen.told = true;
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tokio::time::advance;

    use super::*;

    const TERM: Duration = Duration::from_secs(30);

    fn sign(revision: i64) -> Sign {
        Sign {
            revision,
            term: TERM,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_term_is_over_when_no_newer_sign_of_life_was_seen_for_as_long() {
        let observed = Observed::default();
        observed.saw("a", sign(5), 5);
        advance(TERM / 2).await;
        // Seen again, it is no newer.
        assert_eq!(observed.saw("a", sign(5), 8), Instant::now() + TERM / 2);
        assert_eq!(observed.saw("a", sign(5), 7), Instant::now() + TERM / 2);
        assert_eq!(observed.wait("a").unwrap().looked_at, 8);
        assert_eq!(observed.saw("a", sign(9), 9), Instant::now() + TERM);
        advance(TERM.mul_f64(0.99)).await;
        assert!(!observed.is_over("a"));
        advance(TERM.mul_f64(0.01)).await;
        assert!(observed.is_over("a"));
        assert!(!observed.is_over("b"));
        // An etcd that was restored from a backup counts from an earlier revision on.
        assert_eq!(observed.saw("a", sign(3), 3), Instant::now() + TERM);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_term_is_told_once() {
        let observed = Observed::default();
        assert_eq!(observed.wait("a"), None);
        observed.saw("a", sign(5), 5);
        assert!(observed.wait("a").unwrap().over.is_some());
        observed.told("a");
        observed.saw("a", sign(5), 6);
        assert_eq!(observed.wait("a").unwrap().over, None);
        observed.saw("a", sign(7), 7);
        assert!(observed.wait("a").unwrap().over.is_some());
        observed.is_free("a");
        assert_eq!(observed.wait("a"), None);
    }

    /// A term that is longer than any clock is no panic.
    #[tokio::test(start_paused = true)]
    async fn a_term_without_end_is_a_hundred_years() {
        let observed = Observed::default();
        let sign = Sign {
            revision: 1,
            term: Duration::MAX,
        };
        assert_eq!(observed.saw("a", sign, 1), Instant::now() + LONGEST_TERM);
    }
}
