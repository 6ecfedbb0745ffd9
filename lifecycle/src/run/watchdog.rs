//! Time, kept against code that blocks its thread: an OS thread that rings the supervisor's alarms
//! when the runtime's clock is held up, and ends the process when nothing else can.

use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::panics::log_safely;
use crate::run::conclude;
use crate::shared::application::Application;
use crate::shared::request::WatchdogMessage;

/// The thread waits in slices where others should come first: a machine that stands still takes no more
/// than one with it.
const SLICE: Duration = Duration::from_millis(50);

/// How many after the deadline, before the thread strikes: enough for a supervisor that still gets a
/// thread to end first and say more.
const MARGIN: u32 = 8;

/// How many for the report: standard error may be held by the very code that blocks, or be a pipe that
/// nobody reads. Only then they are used up, and with the default deadline the process still ends within
/// the 30 s that it is usually given.
const REPORT: u32 = 60;

/// How much later than the runtime's clock the thread rings an alarm: where that clock runs, it is
/// first.
const SLACK: Duration = Duration::from_millis(10);

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
    let mut margin = MARGIN;
    let mut alarm = None;
    loop {
        match receive(words, end.into_iter().chain(alarm).min()) {
            Ok(WatchdogMessage::Alarm(wait)) => {
                alarm = Instant::now().checked_add(wait.saturating_add(SLACK));
            }
            Ok(WatchdogMessage::Asked(_)) => {}
            Ok(WatchdogMessage::Off) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if alarm.take().is_some() => {
                application.alarm.notify_one();
            }
            Err(RecvTimeoutError::Timeout) if margin > 0 => {
                margin -= 1;
                end = Some(Instant::now() + SLICE);
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
        let mut slices = 0..REPORT;
        while slices.next().is_some() && says.recv_timeout(SLICE).is_err() {}
    }
    // Code that does not end is the reason to be here, so this is never a success.
    exit(1)
}
