//! An OS thread that keeps the deadline against code that blocks its thread. It wakes the supervisor for
//! an alarm when the runtime's clock is held up, and it ends the process when nothing else can.

use std::collections::BTreeSet;
use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::graces::{WATCHDOG_MARGIN, WATCHDOG_REPORT, WATCHDOG_SLACK, WATCHDOG_SLICE};
use crate::panics::log_safely;
use crate::run::conclude;
use crate::shared::application::Application;
use crate::shared::request::WatchdogMessage;

/// Watches one run. Dropping it calls the thread off.
#[derive(Debug)]
pub(crate) struct Watchdog {
    thread: Sender<WatchdogMessage>,
}

impl Watchdog {
    /// Starts the thread. It sleeps until the application is asked to stop, and gives it `limit` from then.
    pub(crate) fn watch(application: &Arc<Application>, limit: Duration) -> Self {
        let (thread, messages) = channel();
        application.request.watch_by(thread.clone());
        let application = application.clone();
        let spawned = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || keep(&application, limit, &messages));
        if let Err(error) = spawned {
            log_safely!(error, error = %error, "no watchdog: blocking code may outlast the deadline");
        }
        Self { thread }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // An error means that the thread has ended already.
        let _ = self.thread.send(WatchdogMessage::Off);
    }
}

/// The body of the thread: returns when called off, ends the process when time is up.
fn keep(application: &Arc<Application>, limit: Duration, messages: &Receiver<WatchdogMessage>) {
    let Ok(WatchdogMessage::Asked(asked)) = messages.recv() else {
        return;
    };
    // `None`: the deadline is too far away for an `Instant`, so there are only alarms.
    let mut end = asked.checked_add(limit);
    let mut margin = WATCHDOG_MARGIN;
    // Those of inner applications too, so a later message does not replace an earlier one.
    let mut alarms = BTreeSet::new();
    loop {
        let alarm = alarms.first().copied();
        match receive(messages, end.into_iter().chain(alarm).min()) {
            Ok(WatchdogMessage::Alarm(wait)) => {
                alarms.extend(Instant::now().checked_add(wait.saturating_add(WATCHDOG_SLACK)));
            }
            Ok(WatchdogMessage::Asked(_)) => {}
            Ok(WatchdogMessage::Off) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if alarm.is_some_and(|at| at <= Instant::now()) => {
                alarms.pop_first();
                application.alarm.notify_one();
            }
            Err(RecvTimeoutError::Timeout) if end.is_some_and(|end| end > Instant::now()) => {}
            Err(RecvTimeoutError::Timeout) if margin > 0 => {
                margin -= 1;
                end = Some(Instant::now() + WATCHDOG_SLICE);
            }
            Err(RecvTimeoutError::Timeout) => end_process(application),
        }
    }
}

/// The next message, or a timeout at `until`.
fn receive(
    messages: &Receiver<WatchdogMessage>,
    until: Option<Instant>,
) -> Result<WatchdogMessage, RecvTimeoutError> {
    match until {
        Some(until) => messages.recv_timeout(until.saturating_duration_since(Instant::now())),
        None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

fn end_process(application: &Arc<Application>) -> ! {
    let (printed, is_printed) = channel();
    let application = application.clone();
    let printing = thread::Builder::new().spawn(move || {
        conclude::cut_short(&application).print_blocked();
        printed.send(())
    });
    if printing.is_ok() {
        let mut slices = 0..WATCHDOG_REPORT;
        while slices.next().is_some() && is_printed.recv_timeout(WATCHDOG_SLICE).is_err() {}
    }
    // Code that does not end has caused this, so it is never a success.
    exit(1)
}
