//! What a tick can know of itself: when it was due, and why it began.

use std::fmt;
use std::time::SystemTime;

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
