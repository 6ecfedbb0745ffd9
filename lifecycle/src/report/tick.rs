//! Ticks: what one can know of itself, those that have ended, and those to come.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::name::Name;
use super::status::worded;
use super::timestamp::{Precision, Timestamp};

worded! {
    /// Why a tick began.
    TickCause {
        /// It was due.
        Schedule = "schedule",
        /// It was asked for: see [`Handle::trigger`](crate::Handle::trigger).
        Trigger = "trigger",
    }
}

/// What a tick is for: see [`Context::tick`](crate::Context::tick).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tick {
    /// Which tick of the service it is, from 1 on, over all its runs.
    pub number: u64,
    /// Why it began.
    pub cause: TickCause,
    /// When it was due. It begins later than that when a tick has overrun its point, or the machine was asleep.
    /// One that was triggered was due when it began.
    pub due: Instant,
    /// The time of the wall clock that it is for, if its expression names one: not for a tick that was triggered,
    /// for a schedule without a `cron`, and for a first tick that `first` or `initial_delay` asks for.
    pub due_time: Option<SystemTime>,
    /// How many points before `due` have no tick of their own, so that this one stands for them as well. Zero, unless
    /// they were missed, and `missed = coalesce`. Those of an expression are counted up to 1,000; with a `jitter` they
    /// are as many as there are whole intervals.
    pub missed: u64,
    pub(crate) name: Name,
    pub(crate) started: SystemTime,
}

impl Tick {
    /// A text that names this tick and no other: for a table of what has been done, or as the idempotency key of a
    /// request.
    ///
    /// Of a tick for a time that a `cron` names it is the service with that time by UTC, `report/2026-11-25T03:00Z`
    /// (with seconds, where they are not zero): the same in each process, and again if the tick is made up for.
    ///
    /// No other tick has a time that others could know. Its key is when it began and its number,
    /// `collector/2026-11-25T14:07:31.250Z#12`: the same whenever it is asked for, and that of no other tick.
    #[must_use]
    pub fn key(&self) -> String {
        let name = &self.name;
        if let Some(time) = self.due_time {
            return format!("{name}/{}", Timestamp(time, Precision::Minute));
        }
        let started = Timestamp(self.started, Precision::Millisecond);
        format!("{name}/{started}#{}", self.number)
    }
}

/// A tick that has ended: see [`Handle::runs`](crate::Handle::runs).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TickRun {
    /// Which tick of the service it was, from 1 on, over all its runs.
    pub number: u64,
    /// Why it began.
    pub cause: TickCause,
    /// What the wall clock showed when it began.
    pub started: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: TickOutcome,
}

/// How a tick has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TickOutcome {
    /// It returned `Ok`.
    Succeeded,
    /// It failed, with this text: it returned an error, ran into its `tick_timeout`, or panicked.
    Failed(Arc<str>),
    /// It was dropped, because it had not ended in time when the service stopped.
    Dropped,
}

impl TickOutcome {
    /// The word it is shown by: `succeeded`, `failed` or `dropped`. Later versions may add words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The text of the error, if it failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// A tick to come: see [`Handle::upcoming`](crate::Handle::upcoming).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upcoming {
    /// When it is due.
    pub at: Instant,
    /// What the wall clock will show then, if it is not set until then.
    pub time: SystemTime,
}
