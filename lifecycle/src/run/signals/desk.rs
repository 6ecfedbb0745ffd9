//! Which runs listen for signals, and which signal each of them has heard: the part that is the same on
//! every system.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::report::reason::{Reason, Signal};
use crate::shared::application::Application;
#[cfg(unix)]
use crate::shared::reload;

/// A further signal so soon after the first is the same request, delivered twice: the terminal sends one
/// Ctrl-C as SIGINT, and a wrapper passes it on as SIGTERM.
pub(super) const REPEAT: Duration = Duration::from_millis(150);

/// The runs that listen, and the signals that have come.
#[derive(Debug, Default)]
pub(super) struct Desk {
    runs: Vec<ListeningRun>,
    /// The last signal that was the first one of a run.
    last: Option<Heard>,
    /// A signal for the next run. It stopped no run: it came between two runs, or while the runs that
    /// were up stopped for another reason.
    kept: Option<Heard>,
}

#[derive(Debug)]
struct ListeningRun {
    application: Weak<Application>,
    /// The first signal that came while it listens.
    heard: Option<Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    signal: Signal,
    at: Instant,
}

/// Runs that were asked to stop under the lock. They must be woken after it is released, because a waker
/// is user code.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Asked {
    stops: Vec<Arc<Application>>,
    /// These were asked to reload, and not to stop.
    #[cfg(unix)]
    pub(super) reloads: Vec<Arc<Application>>,
}

impl Asked {
    #[cfg(unix)]
    pub(super) fn extend(&mut self, more: Self) {
        self.stops.extend(more.stops);
        self.reloads.extend(more.reloads);
    }

    pub(super) fn wake(self) {
        for application in self.stops {
            application.announce_stop();
        }
        #[cfg(unix)]
        for application in self.reloads {
            reload::on_hangup(&application);
        }
    }
}

impl Desk {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// A run begins to listen. If a signal was kept, that is its first one.
    pub(super) fn add(&mut self, application: &Arc<Application>) -> Asked {
        self.runs.push(ListeningRun {
            application: Arc::downgrade(application),
            heard: None,
        });
        match self.kept.take() {
            Some(kept) => self.tell(kept),
            None => Asked::default(),
        }
    }

    pub(super) fn remove(&mut self, application: &Weak<Application>) {
        self.runs.retain(|run| !run.application.ptr_eq(application));
    }

    /// The first signal this run has heard.
    pub(super) fn heard_by(&self, application: &Weak<Application>) -> Option<Signal> {
        let run = self
            .runs
            .iter()
            .find(|run| run.application.ptr_eq(application))?;
        run.heard.map(|heard| heard.signal)
    }

    /// A signal came while runs listen.
    pub(super) fn hear(&mut self, signal: Signal, at: Instant) -> Asked {
        self.tell(Heard { signal, at })
    }

    /// A hangup came, and this application stops on it.
    #[cfg(unix)]
    pub(super) fn hang_up(&mut self, application: Arc<Application>, at: Instant) -> Asked {
        let signal = Signal::HANGUP;
        let heard = Heard { signal, at };
        let mut runs = self.runs.iter_mut();
        let is_this = |run: &&mut ListeningRun| {
            std::ptr::eq(run.application.as_ptr(), Arc::as_ptr(&application))
        };
        if let Some(run) = runs.find(is_this).filter(|run| run.heard.is_none()) {
            run.heard = Some(heard);
            self.last = Some(heard);
        }
        application.record().signal.get_or_insert(signal);
        let mut asked = Asked::default();
        if application.claim_stop(Reason::Signal(signal)) {
            asked.stops.push(application);
        }
        asked
    }

    /// Makes this the first signal of every run that has heard none.
    fn tell(&mut self, heard: Heard) -> Asked {
        let mut asked = Asked::default();
        let mut is_news = false;
        for run in self.runs.iter_mut().filter(|run| run.heard.is_none()) {
            run.heard = Some(heard);
            is_news = true;
            let Some(application) = run.application.upgrade() else {
                continue;
            };
            application.record().signal = Some(heard.signal);
            if application.claim_stop(Reason::Signal(heard.signal)) {
                asked.stops.push(application);
            }
        }
        if is_news {
            self.last = Some(heard);
            self.kept = Some(heard).filter(|_| asked.stops.is_empty());
        }
        asked
    }

    /// Keeps a signal for the next run.
    #[cfg(unix)]
    pub(super) fn keep(&mut self, signal: Signal, at: Instant) {
        self.kept = Some(Heard { signal, at });
    }

    /// Whether a signal that comes while no run listens only repeats the last one. No wrapper passes a
    /// SIGTERM on as a SIGINT.
    #[cfg(unix)]
    pub(super) fn is_repeat(&self, signal: Signal, at: Instant) -> bool {
        self.last.is_some_and(|last| {
            (last.signal == signal || last.signal == Signal::INTERRUPT)
                && at.saturating_duration_since(last.at) < REPEAT
        })
    }

    /// From when on a signal ends the process: when every run that listens has heard its first signal,
    /// and the time for a repetition is over.
    pub(super) fn final_from(&self) -> Option<Instant> {
        let mut latest = None;
        for run in &self.runs {
            latest = latest.max(Some(run.heard?.at + REPEAT));
        }
        latest
    }
}
