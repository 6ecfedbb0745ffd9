//! The fixed times of the stop, in one place.

use std::time::Duration;

/// How long a service that was told to end may take to drop its code before the others go on without it. A task
/// that gets a thread needs far less, even on a busy machine; only a blocked one uses it up.
pub(crate) const ABORT_GRACE: Duration = Duration::from_millis(200);

/// The shortest such grace. A service with others below it has at most a quarter of the time that is left to
/// them, but not less than this.
pub(crate) const MIN_ABORT_GRACE: Duration = Duration::from_millis(20);

/// How long the supervisor waits for the tasks of a service that was given up. They may block their threads too.
pub(crate) const JOIN_GRACE: Duration = Duration::from_millis(50);

/// When a service has ended, how long a thread that is just requesting the stop may take. After this the end counts
/// as one without a request.
pub(crate) const ASKING_GRACE: Duration = Duration::from_millis(50);

/// How much later than the runtime's clock the watchdog wakes the supervisor for an alarm: if that clock runs, it
/// comes first.
pub(crate) const WATCHDOG_SLACK: Duration = Duration::from_millis(10);

/// The watchdog cuts its waits into slices where other threads should run first: when the whole machine stands
/// still, only one slice is lost.
pub(crate) const WATCHDOG_SLICE: Duration = Duration::from_millis(50);

/// How many slices after the deadline the watchdog ends the process. A supervisor that still gets a thread ends
/// before, and its report says more.
pub(crate) const WATCHDOG_MARGIN: u32 = 8;

/// How many slices its report may take. They are used up only if the code that blocks holds standard error, or if
/// it is a pipe without a reader. With the default deadline the process still ends within the usual 30 s.
pub(crate) const WATCHDOG_REPORT: u32 = 60;
