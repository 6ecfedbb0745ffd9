//! Which endpoint is asked, how often, and for how long.
//!
//! # Invariants
//!
//! The place is the endpoint that all calls ask first. A call that finds it wanting moves it on by one, and only from where it
//! was, so many that find the same move it once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::error::EtcdError;
use crate::settings::Endpoint;

/// The first wait after all endpoints have failed, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often one request signs in anew: a member that has just started may not know the newest token yet.
const SIGN_INS: u32 = 2;

/// What is asked for, and how long the answer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(super) what: &'static str,
    within: Duration,
    pub(super) until: Instant,
    /// Whether to ask again when no endpoint has answered.
    patient: bool,
    /// Whether what may have been done may be asked for again.
    pub(super) repeatable: bool,
}

impl Call {
    pub(crate) fn new(what: &'static str, within: Duration) -> Self {
        Self {
            what,
            within,
            until: Instant::now() + within,
            patient: true,
            repeatable: true,
        }
    }

    /// Asks each endpoint once.
    pub(crate) fn impatient(self) -> Self {
        Self {
            patient: false,
            ..self
        }
    }

    /// Is not sent again where it is not known what became of it.
    pub(crate) fn at_most_once(self) -> Self {
        Self {
            repeatable: false,
            ..self
        }
    }

    /// When half of what is left of the time is over.
    pub(crate) fn half(self) -> Instant {
        let now = Instant::now();
        now + self.until.saturating_duration_since(now) / 2
    }

    pub(super) fn silent(self) -> EtcdError {
        EtcdError::Silent {
            what: self.what,
            within: self.within,
        }
    }
}

/// The number of an endpoint, and the endpoint.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) number: usize,
    pub(super) endpoint: &'a Endpoint,
}

/// The attempts of one call.
pub(super) struct Attempts<'a> {
    call: Call,
    endpoints: &'a [Endpoint],
    place: &'a AtomicUsize,
    failed: usize,
    sign_ins: u32,
    /// Why an earlier one failed.
    cause: Option<EtcdError>,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(call: Call, endpoints: &'a [Endpoint], place: &'a AtomicUsize) -> Self {
        Self {
            call,
            endpoints,
            place,
            failed: 0,
            sign_ins: 0,
            cause: None,
        }
    }

    /// Where to ask now.
    pub(super) fn at(&self) -> At<'a> {
        let number = self.place.load(Ordering::Relaxed);
        At {
            number,
            endpoint: &self.endpoints[number],
        }
    }

    /// How long that one may take, so that there is time for the others.
    pub(super) fn until(&self) -> Instant {
        if self.endpoints.len() == 1 {
            self.call.until
        } else {
            self.call.half()
        }
    }

    /// It failed with this, `sent` or not; `None`: it did not answer in time. Waits, if need be, and returns where there is to be another attempt.
    pub(super) async fn another(
        &mut self,
        at: At<'_>,
        error: Option<EtcdError>,
        sent: bool,
    ) -> Result<(), EtcdError> {
        let error = error.unwrap_or_else(|| self.call.silent());
        if error.is_of_an_old_token() && self.sign_ins < SIGN_INS {
            self.sign_ins += 1;
            return Ok(());
        }
        if !error.is_of_one_member() {
            return Err(error);
        }
        self.leave(at, &error);
        self.failed += 1;
        let all_failed = self.failed % self.endpoints.len() == 0;
        let is_unknown = sent && !self.call.repeatable;
        let now = Instant::now();
        if is_unknown || now >= self.call.until || (all_failed && !self.call.patient) {
            return Err(self.told(error));
        }
        self.cause = Some(error);
        if all_failed {
            let wait = backoff(self.failed / self.endpoints.len());
            sleep_until((now + wait).min(self.call.until)).await;
        }
        Ok(())
    }

    /// Why there is no connection says more than that there was no time for another.
    fn told(&mut self, error: EtcdError) -> EtcdError {
        match error {
            EtcdError::Silent { .. } => self.cause.take().unwrap_or(error),
            error => error,
        }
    }

    /// The next endpoint, for all calls.
    fn leave(&self, at: At<'_>, error: &EtcdError) {
        let next = (at.number + 1) % self.endpoints.len();
        let (before, after) = (Ordering::Relaxed, Ordering::Relaxed);
        if self
            .place
            .compare_exchange(at.number, next, before, after)
            .is_ok()
        {
            tracing::debug!(endpoint = %at.endpoint, error = ?error, "no answer of etcd");
        }
    }
}

/// Doubled with each round of all endpoints, less a random part of up to a half: replicas that lost the cluster together don't come back
/// together.
fn backoff(rounds: usize) -> Duration {
    let (first, longest) = BACKOFF;
    let doublings = u32::try_from(rounds.saturating_sub(1)).unwrap_or(u32::MAX);
    let doubled = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    first
        .saturating_mul(doubled)
        .min(longest)
        .mul_f64(1.0 - fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_second_less_at_most_a_half() {
        for (rounds, full) in [(1, 50), (2, 100), (5, 800), (6, 1000), (99, 1000)] {
            let full = Duration::from_millis(full);
            for _ in 0..100 {
                let wait = backoff(rounds);
                assert!(full / 2 <= wait && wait <= full, "{wait:?} after {rounds}");
            }
        }
    }
}
