//! The request to stop the application, and the messages to the watchdog's thread.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant as WallInstant};

use tokio::runtime::Handle as Runtime;
use tokio::time::Instant;

use crate::panics;
use crate::report::reason::Reason;
use crate::shared::latch::{Closed, Latch};
use crate::shared::mailbox::Mailbox;

/// The first request to stop the application. Later ones change nothing, except that the refusal of a start
/// replaces the reason.
///
/// # Invariants
///
/// Any thread may make the request. `reason` is set once, so exactly one caller of `claim` is the first, and
/// that one must call `announce`. `made_at` is set before `announce` closes `made`, so code that is woken by
/// the closing finds the reason and the instant. Code that reads `reason` without waiting may find it a
/// moment before `made_at`, and takes the current time then.
///
/// The watchdog can't miss the request. `watch_by` stores the mailbox under the lock and then reads `reason`;
/// `announce` runs after `reason` was set, and takes the same lock to send. The one that takes the lock
/// second sees what the other has written, so at least one of them sends the message. A second message
/// changes nothing.
#[derive(Debug)]
pub(crate) struct Request {
    reason: OnceLock<Reason>,
    /// Why the start was refused. It takes the place of `reason`.
    refusal: OnceLock<Reason>,
    made: Latch,
    made_at: OnceLock<MadeAt>,
    /// When the run began. The deadline of a request that was made before counts from then.
    begun_at: OnceLock<MadeAt>,
    /// The watchdog's thread, which must hear of the request even if the runtime is blocked.
    watchdog: Mutex<Option<Mailbox<WatchdogMessage>>>,
}

/// One instant on two clocks, so that the supervisor and the watchdog count the deadline from the same one.
#[derive(Clone, Copy, Debug)]
struct MadeAt {
    /// The machine's clock, which the watchdog reads.
    wall: WallInstant,
    /// The runtime's clock, which a test may pause.
    runtime: Instant,
}

/// A message to the watchdog's thread.
#[derive(Debug)]
pub(crate) enum WatchdogMessage {
    /// The application was asked to stop, at this instant.
    Asked(WallInstant),
    /// The supervisor has an alarm after this long.
    Alarm(Duration),
    /// The services are down: the thread ends.
    Off,
}

impl MadeAt {
    /// The caller may be on any thread. A paused clock can be read only inside its runtime, so the runtime
    /// is entered.
    fn now(runtime: Option<&Runtime>) -> Self {
        let entered = panics::catch(|| runtime.map(Runtime::enter));
        let now = Self {
            wall: WallInstant::now(),
            runtime: Instant::now(),
        };
        drop(entered);
        now
    }
}

impl Request {
    pub(crate) fn new() -> Self {
        Self {
            reason: OnceLock::new(),
            refusal: OnceLock::new(),
            made: Latch::new(),
            made_at: OnceLock::new(),
            begun_at: OnceLock::new(),
            watchdog: Mutex::new(None),
        }
    }

    /// The run begins now, on this runtime.
    pub(crate) fn begin(&self, runtime: Option<&Runtime>) {
        let _ = self.begun_at.set(MadeAt::now(runtime));
    }

    /// Makes the request. Returns whether it is the first; `announce` must follow then.
    pub(crate) fn claim(&self, reason: Reason, runtime: Option<&Runtime>) -> bool {
        let is_first = self.reason.set(reason).is_ok();
        if is_first {
            let _ = self.made_at.set(MadeAt::now(runtime));
        }
        is_first
    }

    /// The start is refused: from now on this is the reason, whatever was asked before. Whether it is the
    /// first request.
    pub(crate) fn refuse(&self, reason: Reason) -> bool {
        let _ = self.refusal.set(reason.clone());
        self.claim(reason, None)
    }

    pub(crate) fn announce(&self) {
        // The watchdog ignores alarms before this message, and closing `made` makes the supervisor send
        // alarms.
        self.tell_watchdog_when();
        self.made.close();
    }

    pub(crate) fn reason(&self) -> Option<&Reason> {
        let reason = self.reason.get()?;
        Some(self.refusal.get().unwrap_or(reason))
    }

    /// When the request was made, or the run began if that was later; on the machine's clock.
    pub(crate) fn made_at(&self) -> Option<WallInstant> {
        self.counts_from().map(|at| at.wall)
    }

    /// The same, on the runtime's clock.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        self.counts_from().map(|at| at.runtime)
    }

    fn counts_from(&self) -> Option<MadeAt> {
        let made = *self.made_at.get()?;
        let begun = self.begun_at.get().copied();
        Some(begun.filter(|begun| begun.wall > made.wall).unwrap_or(made))
    }

    /// The same as [`made`](Self::made), without the reason.
    pub(crate) fn closed(&self) -> Closed<'_> {
        self.made.closed()
    }

    /// Resolves when there is a request.
    pub(crate) async fn made(&self) -> Reason {
        self.made.closed().await;
        // The reason is set before the latch closes.
        self.reason().cloned().unwrap_or(Reason::Requested)
    }

    /// Sets the thread that is told of the request, now or when the request is made.
    pub(crate) fn watch_by(&self, watchdog: Mailbox<WatchdogMessage>) {
        *self.watchdog() = Some(watchdog);
        if self.reason().is_some() {
            self.tell_watchdog_when();
        }
    }

    fn tell_watchdog_when(&self) {
        let asked = self.made_at().unwrap_or_else(WallInstant::now);
        self.tell_watchdog(WatchdogMessage::Asked(asked));
    }

    pub(crate) fn tell_watchdog(&self, message: WatchdogMessage) {
        if let Some(watchdog) = &*self.watchdog() {
            watchdog.send(message);
        }
    }

    fn watchdog(&self) -> MutexGuard<'_, Option<Mailbox<WatchdogMessage>>> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
