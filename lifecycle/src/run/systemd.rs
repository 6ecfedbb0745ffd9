//! Tells systemd of the start, the stop and what happens between. Behind the feature `systemd`; silent where the
//! program was not started by systemd with a notify socket.
//!
//! The supervisor's own task sends everything but the messages around a reload, the answers to the watchdog too: so
//! a runtime that is blocked sends none.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::time::Instant;

use crate::report::reason::Reason;
use crate::report::status::State;
use crate::shared::application::Application;
use crate::shared::instance::Instance;

/// How long a start may take before systemd is asked for more time. Its own default is 90 s.
const START: Duration = Duration::from_secs(60);
/// So much more time each time.
const EXTENSION: Duration = Duration::from_secs(60);
/// A further extension is asked for after this.
const EXTEND_AFTER: Duration = Duration::from_secs(30);
/// At most one status in this time.
const STATUS: Duration = Duration::from_secs(1);

/// Whether a run of this process talks to systemd. There is one main process for it, and so one run.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// What is sent next, and when. Dropping it lets the next run of the process talk.
pub(crate) struct Systemd {
    deadline: Duration,
    /// Half of the time that the watchdog waits.
    watchdog: Option<Duration>,
    watchdog_at: Option<Instant>,
    /// While the start is under way.
    extend_at: Option<Instant>,
    /// From when on a status may be sent.
    status_from: Instant,
    /// There was a move since the last status.
    is_stale: bool,
    status: String,
}

impl Systemd {
    /// `None` if systemd does not listen, or listens to another run.
    pub(crate) fn begin(deadline: Duration) -> Option<Self> {
        std::env::var_os("NOTIFY_SOCKET")?;
        if IS_TAKEN.swap(true, Ordering::AcqRel) {
            return None;
        }
        let now = Instant::now();
        let watchdog = watchdog_enabled().map(|limit| limit / 2);
        let watchdog = watchdog.filter(|half| !half.is_zero());
        Some(Self {
            deadline,
            watchdog,
            watchdog_at: watchdog.and_then(|half| now.checked_add(half)),
            extend_at: Some(now + START),
            status_from: now + STATUS,
            is_stale: true,
            status: String::new(),
        })
    }

    /// When [`send_due`](Self::send_due) must be called next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let status = self.is_stale.then_some(self.status_from);
        [self.watchdog_at, self.extend_at, status]
            .into_iter()
            .flatten()
            .min()
    }

    /// A service has moved.
    pub(crate) fn moved(&mut self) {
        self.is_stale = true;
    }

    /// Sends what is due.
    pub(crate) fn send_due(&mut self, application: &Application, now: Instant) {
        if let Some(half) = self.watchdog.filter(|_| is_due(self.watchdog_at, now)) {
            self.watchdog_at = now.checked_add(half);
            send(&[NotifyState::Watchdog]);
        }
        if is_due(self.extend_at, now) {
            self.extend_at = Some(now + EXTEND_AFTER);
            send(&[NotifyState::Custom(&extension(EXTENSION))]);
        }
        let is_due = self.is_stale && self.status_from <= now;
        if is_due && self.takes(status_of(application), now) {
            send(&[NotifyState::Status(&self.status)]);
        }
    }

    /// All is up: for the first time, or again.
    pub(crate) fn ready(&mut self, application: &Application, now: Instant) {
        if self.extend_at.take().is_some() {
            self.takes(status_of(application), now);
            let mut told_of = application.told_of();
            send(&[NotifyState::Ready, NotifyState::Status(&self.status)]);
            *told_of = true;
        }
    }

    /// The stop was requested.
    pub(crate) fn stopping(&mut self, application: &Application, reason: &Reason, asked: Instant) {
        self.extend_at = None;
        let now = Instant::now();
        let left = self
            .deadline
            .saturating_sub(now.saturating_duration_since(asked));
        self.takes(line(&format!("stopping: {reason}")), now);
        let mut told_of = application.told_of();
        *told_of = false;
        send(&[
            NotifyState::Stopping,
            NotifyState::Custom(&extension(left)),
            NotifyState::Status(&self.status),
        ]);
    }

    /// Takes the status that is sent now. Returns whether it is a new one.
    fn takes(&mut self, status: String, now: Instant) -> bool {
        self.is_stale = false;
        let is_new = status != self.status;
        if is_new {
            self.status = status;
            self.status_from = now + STATUS;
        }
        is_new
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

fn is_due(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| at <= now)
}

/// In place of the library's own state, which ends at 71 minutes.
fn extension(time: Duration) -> String {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    format!("EXTEND_TIMEOUT_USEC={}", time.min(YEAR).as_micros())
}

/// An error means that systemd does not listen: there is no one to tell.
fn send(states: &[NotifyState<'_>]) {
    let _ = notify(states);
}

/// `3 of 5 services run; starting: api, cache`.
fn status_of(application: &Application) -> String {
    let those_in = |state: State| {
        let instances = application.registered().iter();
        let names = instances.filter(|instance| instance.state() == state);
        names.map(|instance| &*instance.name).collect::<Vec<_>>()
    };
    let is_up = |instance: &&Instance| match instance.state() {
        State::Running | State::Standby => true,
        State::Stopped => instance
            .run()
            .is_some_and(|run| run.succeeded.load(Ordering::Acquire)),
        _ => false,
    };
    let all = application.registered().len();
    let up = application.registered().iter().filter(is_up).count();
    let mut status = format!("{up} of {all} services run");
    for state in [
        State::Starting,
        State::Backoff,
        State::Stopping,
        State::Failed,
    ] {
        let names = those_in(state);
        if !names.is_empty() {
            let _ = write!(status, "; {state}: {}", names.join(", "));
        }
    }
    status
}

/// A message ends with its line, and an error may have several.
fn line(text: &str) -> String {
    text.replace(|letter: char| letter.is_control(), " ")
}
