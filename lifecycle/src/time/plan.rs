//! What a schedule is made of: the options that the attribute fixes, and the durations that are read
//! from the service before each wait.

use std::time::Duration;

use crate::report::error::OptionError;
use crate::report::tick::ScheduleKind;

/// What `scheduled(..)` says, apart from the durations that are read when they are needed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub(crate) kind: ScheduleKind,
    /// The interval, the delay or the cron expression as it was written, for messages.
    pub(crate) written: &'static str,
    pub(crate) first: First,
    pub(crate) missed: Missed,
    pub(crate) on_error: OnError,
    pub(crate) on_panic: OnPanic,
    /// Consecutive failures after which the service fails; 0 for never.
    pub(crate) max_failures: u32,
}

/// When the first tick is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// After one interval; with jitter, within the jitter.
    Default,
    /// When the service is running; with jitter, within the jitter.
    Immediate,
    /// After one interval; with jitter, up to that much earlier.
    AfterInterval,
}

/// What becomes of the points that a tick has overrun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// One late tick at once, then the grid goes on.
    Coalesce,
    /// Nothing before the next point of the grid.
    Skip,
    /// All of them at once, one after another.
    Burst,
    /// A whole interval from now: the grid moves.
    Delay,
}

/// What a failed tick means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It is logged and counted.
    Continue,
    /// The service fails.
    Fail,
}

/// What a tick that panics means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPanic {
    /// The service fails.
    Fail,
    /// The tick has failed, as with an error.
    Continue,
}

impl Plan {
    /// `interval = ..`, with every option at its default.
    #[must_use]
    pub const fn interval(written: &'static str) -> Self {
        Self::new(ScheduleKind::Interval, written)
    }

    /// `delay = ..`, with every option at its default.
    #[must_use]
    pub const fn delay(written: &'static str) -> Self {
        Self::new(ScheduleKind::Delay, written)
    }

    /// `cron = ..`, with every option at its default.
    #[must_use]
    pub const fn cron(written: &'static str) -> Self {
        Self::new(ScheduleKind::Cron, written)
    }

    /// Of this kind, with every option at its default.
    #[must_use]
    pub const fn new(kind: ScheduleKind, written: &'static str) -> Self {
        Self {
            kind,
            written,
            first: First::Default,
            missed: Missed::Coalesce,
            on_error: OnError::Continue,
            on_panic: OnPanic::Fail,
            max_failures: 0,
        }
    }

    /// `first = ..`
    #[must_use]
    pub const fn first(mut self, first: First) -> Self {
        self.first = first;
        self
    }

    /// `missed = ..`
    #[must_use]
    pub const fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// `on_error = ..`
    #[must_use]
    pub const fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// `on_panic = ..`
    #[must_use]
    pub const fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }

    /// `max_failures = ..`
    #[must_use]
    pub const fn max_failures(mut self, failures: u32) -> Self {
        self.max_failures = failures;
        self
    }
}

impl Plan {
    /// Whether the service fails after this many failed ticks in a row.
    pub(crate) fn gives_up_after(&self, failures: u64) -> bool {
        self.on_error == OnError::Fail
            || (self.max_failures > 0 && failures >= u64::from(self.max_failures))
    }
}

/// The durations of a schedule, as the service gives them at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// The interval or the delay.
    pub(crate) period: Duration,
    pub(crate) jitter: Duration,
    pub(crate) tick_timeout: Option<Duration>,
}

impl Timing {
    #[inline]
    pub(crate) fn check(self, plan: &Plan) -> Result<Self, OptionError> {
        let field = plan.written;
        let setting = plan.kind.as_str();
        if self.period.is_zero() {
            return Err(OptionError::Zero { setting, field });
        }
        if self.jitter > self.period {
            let (jitter, period) = (self.jitter, self.period);
            return Err(OptionError::Jitter {
                jitter,
                setting,
                field,
                period,
            });
        }
        check_tick_timeout(self.tick_timeout)?;
        Ok(self)
    }
}

pub(crate) fn check_catch_up(window: Duration) -> Result<Duration, OptionError> {
    if window.is_zero() {
        return Err(OptionError::Zero {
            setting: "catch_up",
            field: "catch_up",
        });
    }
    Ok(window)
}

pub(crate) fn check_tick_timeout(limit: Option<Duration>) -> Result<(), OptionError> {
    if limit.is_some_and(|limit| limit.is_zero()) {
        return Err(OptionError::Zero {
            setting: "tick_timeout",
            field: "tick_timeout",
        });
    }
    Ok(())
}
