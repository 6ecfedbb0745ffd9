//! The deadline, kept against code that blocks its thread: an OS thread that ends the process when nothing else can.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::outcome::Outcome;

/// How long after the deadline the thread strikes: enough for a supervisor that still gets a thread to end first and say more.
const MARGIN: Duration = Duration::from_millis(150);

/// Watches one run. Dropping it calls the thread off.
pub(crate) struct Watchdog {
    off: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Sleeps until the application is asked to stop, then lets it take `limit`.
    pub(crate) fn watch(core: &Arc<Core>, limit: Duration) -> Self {
        let off = Arc::new(AtomicBool::new(false));
        let (calls_off, core) = (off.clone(), core.clone());
        let watched = core.clone();
        let spawned = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || keep(&watched, limit, &calls_off));
        let thread = match spawned {
            Ok(thread) => {
                core.request.watch_from(thread.thread().clone());
                // The request may have come before there was a thread to wake.
                thread.thread().unpark();
                Some(thread)
            }
            Err(error) => {
                tracing::error!(target: "lifecycle", %error, "no watchdog thread: blocking code may outlast the deadline");
                None
            }
        };
        Self { off, thread }
    }

    /// The run is over. When tasks are left that nobody can drop, the runtime would wait for their threads: then the thread stays
    /// armed until the process ends.
    pub(crate) fn settle(mut self, outcome: &Outcome) {
        if outcome.has_unjoined() {
            self.thread = None;
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(thread) = &self.thread {
            self.off.store(true, Ordering::Release);
            thread.thread().unpark();
        }
    }
}

/// The thread: returns when called off, ends the process when time is up.
fn keep(core: &Core, limit: Duration, off: &AtomicBool) {
    while !off.load(Ordering::Acquire) {
        let end = core
            .request
            .at()
            .map(|at| (at, at.checked_add(limit.saturating_add(MARGIN))));
        match end {
            Some((at, Some(end))) => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    end_process(core, at);
                }
                thread::park_timeout(left);
            }
            // Not asked to stop yet, or a deadline past the end of time.
            _ => thread::park(),
        }
    }
}

fn end_process(core: &Core, asked: Instant) -> ! {
    let mut outcome = Outcome::of(core);
    outcome.condemn_unfinished(asked.elapsed(), |service| core.cells[service].phase());
    outcome.print_if_unclean();
    // Tasks that do not end are the reason to be here, so this is never a success.
    exit(i32::from(outcome.exit_code().max(1)))
}
