//! An OS thread that keeps the deadline against code that blocks its thread. It wakes the supervisor for
//! an alarm when the runtime's clock is held up, and it ends the process when nothing else can.

use std::collections::BTreeSet;
use std::process::exit;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::graces::{WATCHDOG_MARGIN, WATCHDOG_REPORT, WATCHDOG_SLACK, WATCHDOG_SLICE};
use crate::panics::log_safely;
use crate::run::conclude;
use crate::shared::application::Application;
use crate::shared::mailbox::Mailbox;
use crate::shared::request::WatchdogMessage;

/// Watches one run. Dropping it calls the thread off.
#[derive(Debug)]
pub(crate) struct Watchdog {
    thread: Mailbox<WatchdogMessage>,
}

impl Watchdog {
    /// Starts the thread. It sleeps until the application is asked to stop, and gives it `limit` from then.
    pub(crate) fn watch(application: &Arc<Application>, limit: Duration) -> Self {
        let thread = Mailbox::new();
        let messages = thread.clone();
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
        self.thread.send(WatchdogMessage::Off);
    }
}

/// The body of the thread: returns when called off, ends the process when time is up.
fn keep(application: &Arc<Application>, limit: Duration, messages: &Mailbox<WatchdogMessage>) {
    let Some(WatchdogMessage::Asked(asked)) = messages.receive(None) else {
        return;
    };
    // `None`: the deadline is too far away for an `Instant`, so there are only alarms.
    let mut end = asked.checked_add(limit);
    let mut margin = WATCHDOG_MARGIN;
    // Those of inner applications too, so a later message does not replace an earlier one.
    let mut alarms = BTreeSet::new();
    loop {
        let alarm = alarms.first().copied();
        match messages.receive(end.into_iter().chain(alarm).min()) {
            Some(WatchdogMessage::Alarm(wait)) => {
                alarms.extend(Instant::now().checked_add(wait.saturating_add(WATCHDOG_SLACK)));
            }
            Some(WatchdogMessage::Asked(_)) => {}
            Some(WatchdogMessage::Off) => return,
            None if alarm.is_some_and(|at| at <= Instant::now()) => {
                alarms.pop_first();
                application.wake_for_alarm();
            }
            None if end.is_some_and(|end| end > Instant::now()) => {}
            None if margin > 0 => {
                margin -= 1;
                end = Some(Instant::now() + WATCHDOG_SLICE);
            }
            None => end_process(application),
        }
    }
}

fn end_process(application: &Arc<Application>) -> ! {
    let printed = Mailbox::new();
    let is_printed = printed.clone();
    let application = application.clone();
    let printing = thread::Builder::new().spawn(move || {
        conclude::cut_short(&application).print_blocked();
        printed.send(());
    });
    if printing.is_ok() {
        let slice = || is_printed.receive(Some(Instant::now() + WATCHDOG_SLICE));
        let mut slices = 0..WATCHDOG_REPORT;
        while slices.next().is_some() && slice().is_none() {}
    }
    // Code that does not end has caused this, so it is never a success.
    exit(1)
}
