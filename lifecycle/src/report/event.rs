//! What happens in an application, as data: what observers are told, and what the log is made of.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::report::error::ServiceError;
use crate::report::name::Name;
use crate::report::reason::Reason;
use crate::report::status::{OnLate, Phase, State, worded};

/// Something that happened in an application: to one of its services, or to all of it.
///
/// [`Registry::on_event`](crate::Registry::on_event) hands each one to a function,
/// [`Handle::events`](crate::Handle::events) to a task. Its `Display` is one line, without the time.
///
/// ```
/// # use lifecycle::{EventKind, Idle, registry, service};
/// # #[service(idle)] struct Store;
/// # impl Idle for Store {}
/// let registry = registry! { "store" => Store }.on_event(|event| {
///     // "store: starting -> running", and so on.
///     println!("{} {event}", event.id);
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The number of the event, from 1 and without gaps, among those that an observer or a subscription of the
    /// application was told. One that finds a gap has missed the events in it.
    pub id: u64,
    /// The service it is about; `None` if it is about the whole application.
    pub service: Option<Name>,
    /// When it happened, on the runtime's clock: for differences.
    pub at: Instant,
    /// When it happened, on the wall clock: to be shown.
    pub time: SystemTime,
    /// What happened.
    pub kind: EventKind,
}

/// What an [`Event`] tells. Later versions may add kinds, and fields to the kinds.
///
/// ```
/// use lifecycle::{Event, EventKind};
///
/// /// What is worth to wake someone up for.
/// fn is_alarming(event: &Event) -> bool {
///     match &event.kind {
///         EventKind::Failed(_) | EventKind::Late { .. } => true,
///         EventKind::RestartPlanned { number, limit, .. } => number.is_some() && number == limit,
///         _ => false,
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// The service moved from one state to the next.
    #[non_exhaustive]
    Moved {
        /// The state it left.
        from: State,
        /// The state it is in now.
        to: State,
        /// How long it was in the one it left; for the first move, since the start of the application.
        took: Duration,
    },
    /// An attempt of `startup` failed, and there will be another.
    #[non_exhaustive]
    StartupFailed {
        /// How many attempts have failed so far.
        failures: u32,
        /// How long it waits for the next one.
        wait: Duration,
        /// What this one failed with, causes included.
        error: Arc<str>,
    },
    /// A tick has ended.
    #[non_exhaustive]
    TickEnded {
        /// How long it took.
        took: Duration,
        /// What it failed with, if it did, causes included.
        error: Option<Arc<str>>,
    },
    /// An attempt to flush a batch of a queue has ended. One that was dropped half way has not.
    #[non_exhaustive]
    FlushEnded {
        /// How many items the batch has.
        items: usize,
        /// How long it took.
        took: Duration,
        /// What it failed with, if it did, causes included.
        error: Option<Arc<str>>,
    },
    /// The service works less well than it should: by its own word
    /// ([`cx.degraded(..)`](crate::Context::degraded)), or because values of it can't be followed.
    #[non_exhaustive]
    Degraded {
        /// Why, as a sentence.
        why: Arc<str>,
    },
    /// What made the service degraded is over.
    Recovered,
    /// Points of a schedule have no tick of their own, and will have none: see
    /// [`TickStatus::missed`](crate::TickStatus::missed). One event tells of each gap. Of a schedule that is late all the
    /// time, about one a minute tells of all gaps since the one before.
    #[non_exhaustive]
    PointsSkipped {
        /// How many. Those of an expression are counted up to some 1,000.
        count: u64,
        /// Why, as a sentence.
        why: Arc<str>,
    },
    /// The schedule of the service was [paused](crate::Handle::pause).
    Paused,
    /// The schedule of the service was [resumed](crate::Handle::resume).
    Resumed,
    /// The service is stopped, and started again after a wait.
    #[non_exhaustive]
    RestartPlanned {
        /// How long it waits between its end and its next start.
        wait: Duration,
        /// Which of the restarts in a row this is. `None` for one that does not count: by hand, or with
        /// another service.
        number: Option<u32>,
        /// How many restarts in a row there are at most, if they have a limit.
        limit: Option<u32>,
        /// The failure that it mends.
        error: Option<ServiceError>,
        /// The service that it is restarted with.
        with: Option<Name>,
    },
    /// This replica has taken the lease of the service, and starts it.
    #[non_exhaustive]
    LeaseTaken {
        /// The fencing token.
        token: u64,
    },
    /// This replica has lost the lease of the service, and stops it.
    #[non_exhaustive]
    LeaseLost {
        /// The fencing token that it had.
        token: u64,
        /// Why.
        why: LeaseLoss,
    },
    /// The service failed. Of one service the first 16 failures are told, as in
    /// [`Outcome::failures`](crate::Outcome::failures).
    Failed(ServiceError),
    /// Code of the service did not end in time and was dropped.
    #[non_exhaustive]
    Late {
        /// What it was doing.
        phase: Phase,
        /// How long it had, from when it was asked to stop.
        had: Duration,
        /// What that means to the application.
        on_late: OnLate,
    },
    /// The `reload` of the service failed, or did not return in time. The service goes on.
    ReloadFailed(ServiceError),
    /// A [reload](crate::Handle::reload) of the application is over.
    #[non_exhaustive]
    Reloaded {
        /// How long it took.
        took: Duration,
        /// How many failures there were.
        failures: usize,
    },
    /// Every service that counts is up: the application is ready.
    #[non_exhaustive]
    Healthy {
        /// How many services there are.
        services: usize,
    },
    /// The application stops. Told once.
    #[non_exhaustive]
    Stopping {
        /// Why.
        reason: Reason,
    },
}

worded! {
    /// Why a lease was lost.
    LeaseLoss {
        /// The store refused to renew it.
        Refused = "the renewal was refused",
        /// The store has not answered for so long that the term may be over.
        Unanswered = "the lease store did not answer in time",
        /// The machine was suspended, or its wall clock set ahead, for so long that the term may be over.
        Suspended = "the machine was suspended, or its clock was set ahead",
    }
}

impl EventKind {
    /// What kind it is, in one stable word, for a filter or a metric: `moved`, `startup_failed`,
    /// `tick_ended`, `flush_ended`, `degraded`, `recovered`, `points_skipped`, `paused`, `resumed`, `restart_planned`,
    /// `lease_taken`, `lease_lost`, `failed`, `late`, `reload_failed`, `reloaded`, `healthy` or `stopping`. The feature `serde` writes the same one. Later
    /// versions may add words.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Moved { .. } => "moved",
            Self::StartupFailed { .. } => "startup_failed",
            Self::TickEnded { .. } => "tick_ended",
            Self::FlushEnded { .. } => "flush_ended",
            Self::Degraded { .. } => "degraded",
            Self::Recovered => "recovered",
            Self::PointsSkipped { .. } => "points_skipped",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::RestartPlanned { .. } => "restart_planned",
            Self::LeaseTaken { .. } => "lease_taken",
            Self::LeaseLost { .. } => "lease_lost",
            Self::Failed(_) => "failed",
            Self::Late { .. } => "late",
            Self::ReloadFailed(_) => "reload_failed",
            Self::Reloaded { .. } => "reloaded",
            Self::Healthy { .. } => "healthy",
            Self::Stopping { .. } => "stopping",
        }
    }

    /// How long what has ended took: a tick, a flush, the state that was left, the time that late code had.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        match self {
            Self::Moved { took, .. }
            | Self::TickEnded { took, .. }
            | Self::FlushEnded { took, .. }
            | Self::Reloaded { took, .. }
            | Self::Late { had: took, .. } => Some(*took),
            _ => None,
        }
    }

    /// The text of the error, if it tells of one.
    #[must_use]
    pub fn error(&self) -> Option<Arc<str>> {
        match self {
            Self::StartupFailed { error, .. } => Some(error.clone()),
            Self::TickEnded { error, .. } | Self::FlushEnded { error, .. } => error.clone(),
            Self::Failed(error)
            | Self::ReloadFailed(error)
            | Self::RestartPlanned {
                error: Some(error), ..
            } => Some(error.to_string().into()),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The sentence of a service's error names the service.
        let is_named = matches!(self.kind, EventKind::Failed(_) | EventKind::ReloadFailed(_));
        if let Some(service) = self.service.as_ref().filter(|_| !is_named) {
            write!(f, "{service}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { from, to, .. } => write!(f, "{from} -> {to}"),
            Self::StartupFailed { wait, error, .. } => {
                write!(f, "startup failed, next attempt in {wait:.1?}: {error}")
            }
            Self::TickEnded { took, error } => ended(f, "tick", *took, error.as_deref()),
            Self::FlushEnded { items, took, error } => {
                let items = format!("flush of {items}");
                ended(f, &items, *took, error.as_deref())
            }
            Self::Degraded { why } => write!(f, "degraded: {why}"),
            Self::PointsSkipped { count: 1, why } => write!(f, "1 point skipped: {why}"),
            Self::PointsSkipped { count, why } => write!(f, "{count} points skipped: {why}"),
            Self::Recovered | Self::Paused | Self::Resumed => f.write_str(self.as_str()),
            Self::RestartPlanned {
                wait,
                number: Some(number),
                limit,
                error,
                ..
            } => {
                let which = RestartNumber(*number, *limit);
                write!(f, "restart {which}, {wait:.1?} after its end")?;
                error.iter().try_for_each(|error| write!(f, ": {error}"))
            }
            Self::RestartPlanned {
                with: Some(with), ..
            } => write!(f, "restart with {with}"),
            Self::RestartPlanned { .. } => f.write_str("restart by hand"),
            Self::LeaseTaken { token } => write!(f, "lease taken, token {token}"),
            Self::LeaseLost { token, why } => write!(f, "lease lost, token {token}: {why}"),
            Self::Failed(error) | Self::ReloadFailed(error) => error.fmt(f),
            Self::Late { phase, had, .. } => write!(f, "late, dropped in {phase} after {had:.1?}"),
            Self::Reloaded { took, failures: 0 } => write!(f, "reloaded in {took:.1?}"),
            Self::Reloaded { took, failures } => {
                write!(f, "reloaded in {took:.1?}, with {failures} failures")
            }
            Self::Healthy { .. } => f.write_str("healthy"),
            Self::Stopping { reason } => write!(f, "stopping: {reason}"),
        }
    }
}

/// Which restart in a row it is, of how many.
pub(crate) struct RestartNumber(pub(crate) u32, pub(crate) Option<u32>);

impl fmt::Display for RestartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, limit) = self;
        match limit {
            Some(limit) => write!(f, "{number} of {limit}"),
            None => write!(f, "{number}"),
        }
    }
}

fn ended(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    took: Duration,
    error: Option<&str>,
) -> fmt::Result {
    match error {
        None => write!(f, "{what} ended after {took:.1?}"),
        Some(error) => write!(f, "{what} failed after {took:.1?}: {error}"),
    }
}
