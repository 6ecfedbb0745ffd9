//! When ticks are due, as arithmetic: what the attribute says and what the service's fields say go
//! in, the instant of the next tick comes out. No timer, and no clock but the one passed in.

#[cfg(feature = "cron")]
mod calendar;
#[cfg(feature = "cron")]
mod cron;
mod jitter;
mod plan;
pub(crate) mod retry;
pub(crate) mod shared_timers;
mod timeline;
#[cfg(all(feature = "cron", feature = "test-util"))]
mod wall_clock;

use std::time::Duration;

#[cfg(feature = "cron")]
pub(crate) use self::calendar::{Calendar, Moment};
#[cfg(feature = "cron")]
pub(crate) use self::cron::{Field, Spoken, Times};
pub(crate) use self::plan::Timing;
#[cfg(feature = "cron")]
pub(crate) use self::plan::check_tick_timeout;
pub use self::plan::{First, Kind, Missed, OnError, Plan};
pub(crate) use self::timeline::Timeline;
#[cfg(all(feature = "cron", feature = "test-util"))]
pub use self::wall_clock::WallClock;

/// How long at most a schedule waits before it looks again at what the service says, and at the wall
/// clock: a change takes effect within a minute.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
