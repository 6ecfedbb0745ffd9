//! Which leases may have become free, and when the others will: hints, from notifications and from what a take has seen.
//!
//! # Invariants
//!
//! A hint that comes between a refused take and the wait that follows is not lost: `Notify` keeps one permit for each name. The lock is held
//! for look-ups only, never over a wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// A name longer than that is cut in notifications, whose payload has a limit of 8,000 bytes.
const NAME_IN_NOTIFICATION: usize = 1000;
/// How soon to look again at a lease that is over, and that a fenced transaction still holds.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Freed {
    names: Mutex<HashMap<String, Arc<Hint>>>,
}

#[derive(Debug, Default)]
struct Hint {
    told: Notify,
    /// When the term that a take has seen is over.
    over: Mutex<Option<Instant>>,
}

impl Freed {
    /// A take was refused: the holder's term has so long to go, in seconds. None, or nothing left: the row is locked.
    pub(crate) fn refused(&self, name: &str, left: Option<f64>) {
        let left = left
            .and_then(|left| Duration::try_from_secs_f64(left).ok())
            .map_or(LOOK_AGAIN, |left| left.max(LOOK_AGAIN));
        let over = Instant::now().checked_add(left);
        *lock(&self.hint(name).over) = over;
    }

    /// A replica has given this lease back. Names that are cut may be several.
    pub(crate) fn tell(&self, told: &str) {
        for (name, hint) in &*lock(&self.names) {
            if name == told
                || (name.starts_with(told) && told.chars().count() == NAME_IN_NOTIFICATION)
            {
                hint.told.notify_one();
            }
        }
    }

    /// Notifications may have been missed.
    pub(crate) fn tell_all(&self) {
        for hint in lock(&self.names).values() {
            hint.told.notify_one();
        }
    }

    /// Waits until the lease may be free.
    pub(crate) async fn wait(&self, name: &str) {
        let hint = self.hint(name);
        let over = lock(&hint.over).take();
        let over = async {
            match over {
                Some(over) => sleep_until(over).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hint.told.notified() => {}
            () = over => {}
        }
    }

    fn hint(&self, name: &str) -> Arc<Hint> {
        let mut names = lock(&self.names);
        if let Some(hint) = names.get(name) {
            return hint.clone();
        }
        names.entry(name.to_owned()).or_default().clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tokio::time::timeout;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    async fn comes(freed: &Freed, name: &str) -> bool {
        timeout(MINUTE, freed.wait(name)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_between_a_refusal_and_the_wait_is_not_lost_and_is_given_once() {
        let freed = Freed::default();
        freed.refused("a", Some(3600.0));
        freed.tell("a");
        freed.tell("b");
        assert!(comes(&freed, "a").await);
        assert!(!comes(&freed, "a").await);
        freed.tell_all();
        assert!(comes(&freed, "a").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_tells_when_the_term_is_over_and_to_look_again_soon_where_it_is() {
        let freed = Freed::default();
        for (left, wait) in [
            (Some(12.5), 12_500),
            (Some(-3.0), 100),
            (Some(f64::NAN), 100),
            (None, 100),
        ] {
            freed.refused("a", left);
            let began = Instant::now();
            assert!(comes(&freed, "a").await);
            assert_eq!(began.elapsed().as_millis(), wait);
        }
        // One that was cut short by a poll is over with it.
        freed.refused("a", Some(70.0));
        assert!(!comes(&freed, "a").await);
        assert!(!comes(&freed, "a").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_is_too_long_for_a_notification_is_known_by_its_beginning() {
        let freed = Freed::default();
        let (long, short) = ("ü".repeat(1500), "ü".repeat(999));
        freed.refused(&long, Some(3600.0));
        freed.refused(&short, Some(3600.0));
        freed.tell(&"ü".repeat(1000));
        assert!(comes(&freed, &long).await);
        freed.tell(&"ü".repeat(999));
        assert!(!comes(&freed, &long).await);
        assert!(comes(&freed, &short).await);
    }
}
