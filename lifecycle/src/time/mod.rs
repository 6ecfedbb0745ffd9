//! When ticks are due. The schedules are arithmetic: the attribute's options and the service's current
//! values go in, the instant of the next tick comes out. They set no timer, and their callers pass the
//! current time in. `shared_timers` wakes the loops at these instants.

#[cfg(feature = "cron")]
mod calendar;
pub(crate) mod catch_up;
mod clock;
#[cfg(feature = "cron")]
mod cron;
mod jitter;
pub(crate) mod moment;
pub(crate) mod outlook;
mod plan;
pub(crate) mod point;
pub(crate) mod shared_timers;
mod timeline;
#[cfg(all(feature = "cron", feature = "test-util"))]
mod wall_clock;

use std::time::Duration;

#[cfg(feature = "cron")]
pub(crate) use self::calendar::{Calendar, Reading};
#[cfg(feature = "cron")]
pub(crate) use self::cron::{CronValues, Field, Times};
#[cfg(feature = "cron")]
pub(crate) use self::plan::check_tick_timeout;
pub use self::plan::{First, Missed, OnError, OnPanic, Plan};
pub(crate) use self::plan::{Timing, check_catch_up};
pub(crate) use self::timeline::Timeline;
#[cfg(all(feature = "cron", feature = "test-util"))]
pub use self::wall_clock::WallClock;
pub use crate::report::tick::ScheduleKind;

/// The longest time a schedule waits before it reads the service's values and the wall clock again, so
/// that a change takes effect within a minute.
pub(crate) const CLOCK_CHECK: Duration = Duration::from_secs(60);
