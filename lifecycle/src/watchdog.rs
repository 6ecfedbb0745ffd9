//! Time, kept against code that blocks its thread: an OS thread that rings the supervisor's alarms
//! when the runtime's clock is held up, and ends the process when nothing else can.

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

/// How long the end of the runtime may take in any case: after a stop that took all its time, too.
const LEAVE: Duration = Duration::from_secs(1);

/// How much later than the runtime's clock the thread rings an alarm: where that clock runs, it is
/// first.
const SLACK: Duration = Duration::from_millis(10);

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Word {
    /// The application was asked to stop, at this instant.
    Asked(Instant),
    /// The supervisor has something to do after so long.
    Alarm(Duration),
    /// The services are down; what is left is the end of the runtime.
    Settled,
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
        core.request.watch_by(thread.clone());
        let core = core.clone();
        let spawned = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || keep(&core, limit, &words));
        if let Err(error) = spawned {
            tracing::error!(target: "lifecycle", %error, "no watchdog: blocking code may outlast the deadline");
        }
        Self { thread }
    }

    /// The services are down. Where one never let go of its thread, the watchdog stays armed until
    /// the process ends. Otherwise as long as somebody holds the outcome, as a `main` that returns it
    /// does: the runtime ends then, and waits for threads that a hook may have left blocked.
    pub(crate) fn settle(self, outcome: Outcome) -> Outcome {
        let _ = self.thread.send(Word::Settled);
        if outcome.has_unjoined() {
            std::mem::forget(self);
            outcome
        } else {
            outcome.watched_by(self)
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
    let Some(mut end) = asked.checked_add(limit.saturating_add(MARGIN)) else {
        return;
    };
    let mut alarm = None;
    loop {
        let next = alarm.map_or(end, |alarm| end.min(alarm));
        match words.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Word::Alarm(wait)) => alarm = Instant::now().checked_add(wait.saturating_add(SLACK)),
            Ok(Word::Settled) => end = end.max(Instant::now() + LEAVE),
            Ok(Word::Asked(_)) => {}
            Ok(Word::Off) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if alarm.take().is_some() => core.alarm.notify_one(),
            Err(RecvTimeoutError::Timeout) => end_process(core),
        }
    }
}

fn end_process(core: &Core) -> ! {
    let outcome = Outcome::cut_short(core);
    outcome.print_blocked();
    // Code that does not end is the reason to be here, so this is never a success.
    exit(i32::from(outcome.exit_code().max(1)))
}
