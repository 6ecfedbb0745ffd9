//! The times of the stop that no setting changes.

use std::time::Duration;

/// How long a service that was told to end may take to drop what it holds before the others go on without it: far
/// more than a task that gets a thread needs, on a busy machine too, so that only a blocked one ever uses it.
pub(crate) const ABORT_GRACE: Duration = Duration::from_millis(200);

/// The least of [`ABORT_GRACE`], where others below wait and a quarter of what is left to them is less.
pub(crate) const LEAST_GRACE: Duration = Duration::from_millis(20);

/// How long the tasks of a service that was given up may take to let go of their threads.
pub(crate) const JOIN_GRACE: Duration = Duration::from_millis(50);

/// How long a thread that is in the middle of asking for a stop may take, before a service that has ended counts as
/// one that was not asked.
pub(crate) const ASKING_GRACE: Duration = Duration::from_millis(50);

/// How much later than the runtime's clock the watchdog rings an alarm: where that clock runs, it is first.
pub(crate) const WATCHDOG_SLACK: Duration = Duration::from_millis(10);

/// What the watchdog waits in where others should come first: a machine that stands still takes no more than one
/// with it.
pub(crate) const WATCHDOG_SLICE: Duration = Duration::from_millis(50);

/// How many slices after the deadline the watchdog strikes: enough for a supervisor that still gets a thread to end
/// first and say more.
pub(crate) const WATCHDOG_MARGIN: u32 = 8;

/// How many slices its report may take, if standard error is held by the code that blocks or is a pipe that nobody
/// reads: with the default deadline the process still ends within the 30 s that it is usually given.
pub(crate) const WATCHDOG_REPORT: u32 = 60;
