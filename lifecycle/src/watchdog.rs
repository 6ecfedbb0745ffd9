//! The deadline, kept against code that blocks its thread: an OS thread that ends the process when
//! nothing else can.

use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::outcome::Outcome;

/// How long after the deadline the thread strikes: enough for a supervisor that still gets a thread
/// to end first and say more.
const MARGIN: Duration = Duration::from_millis(400);

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Word {
    /// The application was asked to stop, at this instant.
    Asked(Instant),
    /// All is well.
    Off,
}

/// Watches one run. Dropping it calls the thread off.
#[derive(Debug)]
pub(crate) struct Watchdog {
    thread: Sender<Word>,
}

impl Watchdog {
    /// Sleeps until the application is asked to stop, then lets it take `limit`.
    pub(crate) fn watch(core: &Arc<Core>, limit: Duration) -> Self {
        let (thread, words) = channel();
        core.request.tell(thread.clone());
        let core = core.clone();
        let spawned = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || keep(&core, limit, &words));
        if let Err(error) = spawned {
            tracing::error!(target: "lifecycle", %error, "no watchdog: blocking code may outlast the deadline");
        }
        Self { thread }
    }

    /// The services are down. The thread is called off, unless one of them never let go of its
    /// thread: then it stays armed until the process ends. Where code was dropped while it waited
    /// for something, that may have been a blocked thread, for which the end of the runtime waits:
    /// then it stays armed as long as somebody holds the outcome, as a `main` that returns it does.
    pub(crate) fn settle(self, core: &Core, outcome: Outcome) -> Outcome {
        if outcome.has_unjoined() {
            std::mem::forget(self);
            outcome
        } else if core.has_dropped_code() {
            outcome.watched_by(self)
        } else {
            outcome
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The thread is gone only when it had nothing more to do.
        let _ = self.thread.send(Word::Off);
    }
}

/// The thread: returns when called off, ends the process when time is up.
fn keep(core: &Core, limit: Duration, words: &Receiver<Word>) {
    let Ok(Word::Asked(asked)) = words.recv() else {
        return;
    };
    let Some(end) = asked.checked_add(limit.saturating_add(MARGIN)) else {
        return;
    };
    let left = end.saturating_duration_since(Instant::now());
    if let Err(RecvTimeoutError::Timeout) = words.recv_timeout(left) {
        let outcome = Outcome::cut_short(core);
        outcome.print_blocked();
        // Code that does not end is the reason to be here, so this is never a success.
        exit(i32::from(outcome.exit_code().max(1)))
    }
}
