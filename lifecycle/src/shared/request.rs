//! The request to stop the application, and what the watchdog is told of it.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant as WallInstant};

use tokio::runtime::Handle as Runtime;
use tokio::time::Instant;

use crate::panics;
use crate::report::reason::Reason;
use crate::shared::latch::Latch;

/// The first request to stop the application. Later ones change nothing, but for a start that is refused:
/// that is the reason even after a request.
#[derive(Debug)]
pub(crate) struct Request {
    reason: OnceLock<Reason>,
    /// Why there is no run to stop, instead of the reason that was there before.
    refusal: OnceLock<Reason>,
    made: Latch,
    made_at: OnceLock<MadeAt>,
    /// When the run began: one that was asked for before takes no time until then.
    begun_at: OnceLock<MadeAt>,
    /// The thread that must hear of the request whatever the runtime is doing.
    watchdog: Mutex<Option<Sender<WatchdogMessage>>>,
}

/// One instant on two clocks, so that all who keep the deadline count from the same.
#[derive(Clone, Copy, Debug)]
struct MadeAt {
    /// The machine's, which the watchdog goes by.
    wall: WallInstant,
    /// The runtime's, which may be paused in a test.
    runtime: Instant,
}

/// What the watchdog's thread is told.
#[derive(Debug)]
pub(crate) enum WatchdogMessage {
    /// The application was asked to stop, at this instant.
    Asked(WallInstant),
    /// The supervisor has something to do after so long.
    Alarm(Duration),
    /// The services are down.
    Off,
}

impl MadeAt {
    /// The caller may be on any thread; a clock that is paused is known inside its runtime only.
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
    pub(crate) const fn new() -> Self {
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

    /// Whether this is the first one.
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
        // First, for the watchdog's time counts from it, and from the supervisor's alarms only then.
        self.tell_watchdog_when();
        self.made.close();
    }

    pub(crate) fn reason(&self) -> Option<&Reason> {
        let reason = self.reason.get()?;
        Some(self.refusal.get().unwrap_or(reason))
    }

    /// When the request was made, on the clock of the machine; when the run began, if that was later.
    pub(crate) fn made_at(&self) -> Option<WallInstant> {
        self.counts_from().map(|at| at.wall)
    }

    /// The same, on the clock of the runtime.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        self.counts_from().map(|at| at.runtime)
    }

    fn counts_from(&self) -> Option<MadeAt> {
        let made = *self.made_at.get()?;
        let begun = self.begun_at.get().copied();
        Some(begun.filter(|begun| begun.wall > made.wall).unwrap_or(made))
    }

    /// Resolves when there is a request.
    pub(crate) async fn made(&self) -> Reason {
        self.made.closed().await;
        // The reason is set before the gate closes.
        self.reason().cloned().unwrap_or(Reason::Requested)
    }

    /// Names the thread to be told of the request, now or when it comes.
    pub(crate) fn watch_by(&self, watchdog: Sender<WatchdogMessage>) {
        *self.watchdog() = Some(watchdog);
        if self.reason().is_some() {
            self.tell_watchdog_when();
        }
    }

    fn tell_watchdog_when(&self) {
        let asked = self.made_at().unwrap_or_else(WallInstant::now);
        self.tell_watchdog(WatchdogMessage::Asked(asked));
    }

    pub(crate) fn tell_watchdog(&self, word: WatchdogMessage) {
        if let Some(watchdog) = &*self.watchdog() {
            // A thread that is gone has nothing to watch any more.
            let _ = watchdog.send(word);
        }
    }

    fn watchdog(&self) -> MutexGuard<'_, Option<Sender<WatchdogMessage>>> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
