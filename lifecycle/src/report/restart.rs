//! The policy of restarts: how often, after which waits, and what happens then.

use std::time::Duration;

use lifecycle_rules::restart::{
    DEFAULT_BACKOFF, DEFAULT_MAX, DEFAULT_RESET, RestartProblem, check_backoff, check_max,
    check_reset,
};

use crate::retry::Retry;

/// How a service that fails is [restarted](crate::OnFailure::Restart).
///
/// One counter, of the restarts in a row, drives both the waits and their number: each restart adds one, and a
/// run that was up for [`reset`](Self::reset) forgets them all. The value without any call is the default:
///
/// | | default |
/// |---|---|
/// | [`backoff`](Self::backoff) | 100 ms to 30 s |
/// | [`max`](Self::max), [`forever`](Self::forever) | 10 restarts in a row |
/// | [`reset`](Self::reset) | 1 minute |
/// | [`then`](Self::then) | [`Then::Shutdown`] |
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Idle, Registry, Restart, Then, service};
///
/// # #[service(idle)] struct Feed;
/// # impl Idle for Feed {}
/// let restart = Restart::new()
///     .backoff(Duration::from_millis(500), Duration::from_secs(60))
///     .max(5)
///     .then(Then::Ignore);
/// let registry = Registry::builder()
///     .service("feed", Feed)
///     .on_failure(restart)
///     .build()?;
/// # Ok::<(), lifecycle::RegistryError>(())
/// ```
///
/// Values that make no policy (a wait of zero, a first wait that is longer than the longest, a `max` or a
/// `reset` of zero) are problems of the registry: [`build`](crate::RegistryBuilder::build) tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a policy does nothing until a service is given it"]
pub struct Restart {
    backoff: (Duration, Duration),
    /// `None`: forever.
    max: Option<u32>,
    reset: Duration,
    then: Then,
}

/// What the failure of a service means that is not restarted any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Then {
    /// The same as [`OnFailure::Shutdown`](crate::OnFailure::Shutdown): the application stops, and exits with 1.
    #[default]
    Shutdown,
    /// The same as [`OnFailure::Ignore`](crate::OnFailure::Ignore): the application goes on without the service. It
    /// does not count for readiness, not while it is being restarted either.
    Ignore,
}

impl Restart {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            backoff: DEFAULT_BACKOFF,
            max: Some(DEFAULT_MAX),
            reset: DEFAULT_RESET,
            then: Then::Shutdown,
        }
    }

    /// The wait between the end of a run and the next start: `from` before the first restart, doubled with
    /// each further one up to `up_to`, and always up to a half less at random, so that services that fail
    /// together do not start together. It is never zero. Default: 100 ms to 30 s.
    pub const fn backoff(mut self, from: Duration, up_to: Duration) -> Self {
        self.backoff = (from, up_to);
        self
    }

    /// How many restarts in a row there are at most. The failure after the last of them is final, and what
    /// happens is up to [`then`](Self::then). Default: 10.
    pub const fn max(mut self, restarts: u32) -> Self {
        self.max = Some(restarts);
        self
    }

    /// There is no limit to the number of restarts.
    pub const fn forever(mut self) -> Self {
        self.max = None;
        self
    }

    /// How long a run must have been up for the restarts before it to be forgotten. Default: 1 minute.
    pub const fn reset(mut self, after: Duration) -> Self {
        self.reset = after;
        self
    }

    /// What the failure means when it is final: after [`max`](Self::max) restarts, and where no restart
    /// could mend it. Default: [`Then::Shutdown`].
    pub const fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    /// Whether the application goes on without the service in the end.
    pub(crate) const fn ends_ignored(&self) -> bool {
        matches!(self.then, Then::Ignore)
    }

    /// Whether there is another restart after so many in a row.
    pub(crate) fn goes_on_after(&self, in_a_row: u32) -> bool {
        self.max.is_none_or(|max| in_a_row < max)
    }

    /// The wait before this restart of those in a row.
    pub(crate) fn wait_before(&self, restart: u32) -> Duration {
        let (from, up_to) = self.backoff;
        Retry::new(from, up_to).wait_after(restart)
    }

    /// How many restarts in a row there are at most, if they have a limit.
    pub(crate) const fn limit(&self) -> Option<u32> {
        self.max
    }

    /// How long a run must have been up for the restarts before it to be forgotten.
    pub(crate) const fn forgets_after(&self) -> Duration {
        self.reset
    }

    /// What is wrong with its values.
    pub(crate) fn problems(&self) -> impl Iterator<Item = RestartProblem> + use<> {
        let (from, up_to) = self.backoff;
        let problems = [
            check_backoff(from, up_to),
            self.max.and_then(check_max),
            check_reset(self.reset),
        ];
        problems.into_iter().flatten()
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::new()
    }
}
