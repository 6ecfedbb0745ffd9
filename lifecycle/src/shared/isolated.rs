//! The counts of a service's isolated tasks, and the limit on the log lines of their failures.
//!
//! # Invariants
//!
//! The tasks count themselves, on any thread. Each count is a sum that nothing else depends on, so `Relaxed`
//! is enough. The lock of `window` is released before a line is logged, because the subscriber is user code.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::panics::{self, log_safely};
use crate::report::error::{Fault, chain};
use crate::report::name::Name;
use crate::report::status::IsolatedStatus;

/// Made when a service spawns its first isolated task, and kept over all its runs.
#[derive(Debug, Default)]
pub(crate) struct IsolatedTasks {
    in_flight: AtomicU64,
    failures: AtomicU64,
    window: Mutex<Window>,
}

/// Bounds the log lines, because clients decide how many of their connections fail.
#[derive(Debug, Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    /// How many failures were counted and not logged.
    omitted: u64,
}

impl Window {
    const LENGTH: Duration = Duration::from_secs(10);
    const LINES: u32 = 16;

    /// Whether one more failure is logged; and, when a new window begins, how many were omitted in the
    /// last one.
    fn admit(&mut self, now: Instant) -> (bool, u64) {
        let is_over = |began| now.saturating_duration_since(began) >= Self::LENGTH;
        if self.began.is_none_or(is_over) {
            let omitted = self.omitted;
            *self = Self {
                began: Some(now),
                lines: 1,
                omitted: 0,
            };
            return (true, omitted);
        }
        let has_room = self.lines < Self::LINES;
        if has_room {
            self.lines += 1;
        } else {
            self.omitted += 1;
        }
        (has_room, 0)
    }
}

impl IsolatedTasks {
    pub(crate) fn began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a failed task, and logs it while the window has room.
    pub(crate) fn failed(&self, name: &Name, fault: Fault) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let (has_room, omitted) = self.window().admit(Instant::now());
        log_omitted(name, omitted);
        if has_room {
            let error = why(&fault);
            log_safely!(warn, service = %name, error, "isolated task failed");
        }
        // The destructor of the error is the task's own code, and may panic.
        let _ = panics::catch(|| drop(fault));
    }

    /// Logs how many failures were omitted so far. Called when the service is down.
    pub(crate) fn close_log(&self, name: &Name) {
        let omitted = std::mem::take(&mut self.window().omitted);
        log_omitted(name, omitted);
    }

    pub(crate) fn status(&self) -> IsolatedStatus {
        IsolatedStatus {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure as text. A task fails only by an error or a panic; the last arm is for the compiler.
fn why(fault: &Fault) -> String {
    match fault {
        Fault::Error(error) => chain(error.as_ref()),
        Fault::Panic(message) => format!("panicked: {message}"),
        other => format!("{other:?}"),
    }
}

fn log_omitted(name: &Name, omitted: u64) {
    if omitted > 0 {
        log_safely!(warn, service = %name, omitted, "further isolated tasks failed");
    }
}
