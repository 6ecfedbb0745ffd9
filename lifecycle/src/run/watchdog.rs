//! Time, kept against code that blocks its thread: an OS thread that rings the supervisor's alarms
//! when the runtime's clock is held up, and ends the process when nothing else can.

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
    /// Sleeps until the application is asked to stop, then lets it take `limit`.
    pub(crate) fn watch(application: &Arc<Application>, limit: Duration) -> Self {
        let (thread, words) = channel();
        application.request.watch_by(thread.clone());
        let application = application.clone();
        let spawned = thread::Builder::new()
            .name("lifecycle-watchdog".to_owned())
            .spawn(move || keep(&application, limit, &words));
        if let Err(error) = spawned {
            log_safely!(error, error = %error, "no watchdog: blocking code may outlast the deadline");
        }
        Self { thread }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The thread is gone only when it had nothing more to do.
        let _ = self.thread.send(WatchdogMessage::Off);
    }
}

/// The thread: returns when called off, ends the process when time is up.
fn keep(application: &Arc<Application>, limit: Duration, words: &Receiver<WatchdogMessage>) {
    let Ok(WatchdogMessage::Asked(asked)) = words.recv() else {
        return;
    };
    // None: there is no deadline, only alarms.
    let mut end = asked.checked_add(limit);
    let mut margin = WATCHDOG_MARGIN;
    let mut alarm = None;
    loop {
        match receive(words, end.into_iter().chain(alarm).min()) {
            Ok(WatchdogMessage::Alarm(wait)) => {
                alarm = Instant::now().checked_add(wait.saturating_add(WATCHDOG_SLACK));
            }
            Ok(WatchdogMessage::Asked(_)) => {}
            Ok(WatchdogMessage::Off) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if alarm.take().is_some() => {
                application.alarm.notify_one();
            }
            Err(RecvTimeoutError::Timeout) if margin > 0 => {
                margin -= 1;
                end = Some(Instant::now() + WATCHDOG_SLICE);
            }
            Err(RecvTimeoutError::Timeout) => end_process(application),
        }
    }
}

/// The next word, or none until then.
fn receive(
    words: &Receiver<WatchdogMessage>,
    until: Option<Instant>,
) -> Result<WatchdogMessage, RecvTimeoutError> {
    match until {
        Some(until) => words.recv_timeout(until.saturating_duration_since(Instant::now())),
        None => words.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

fn end_process(application: &Arc<Application>) -> ! {
    let (said, says) = channel();
    let application = application.clone();
    let speaker = thread::Builder::new().spawn(move || {
        conclude::cut_short(&application).print_blocked();
        said.send(())
    });
    if speaker.is_ok() {
        let mut slices = 0..WATCHDOG_REPORT;
        while slices.next().is_some() && says.recv_timeout(WATCHDOG_SLICE).is_err() {}
    }
    // Code that does not end is the reason to be here, so this is never a success.
    exit(1)
}
