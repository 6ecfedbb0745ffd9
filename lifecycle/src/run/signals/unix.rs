//! SIGINT and SIGTERM on Unix, and SIGHUP where a run asks for it, through signal-hook.
//!
//! The first run that listens installs the handlers, once for the process. A handler notes that the
//! signal has come and wakes a thread, and the thread asks the runs to stop, so that a busy runtime
//! delays nothing. Once every run has heard its signal, the thread arms a flag. With that flag the handler
//! itself ends the process at the next signal, so that blocked threads don't matter.
//!
//! While no run listens, the handlers only note the signal. If no other code of the program listens, the
//! thread then does what the system would have done, a moment later: a run that starts meanwhile takes the
//! signal, as in a loop of runs.
//!
//! # Invariants
//!
//! - A handler notes the signal before it writes to the pipe, and the thread reads the pipe before it
//!   takes the notes. So no note is overlooked.
//! - Notes are taken, and runs are added and removed, under the lock of [`HANDLERS`]. A run takes the
//!   notes before it is removed, so a later run never hears a signal that came before it.
//! - The flag is armed under the same lock, and only after the notes were taken. So a signal that has come
//!   by then does not count as a further one. A run that is added disarms the flag, because it has heard no
//!   signal yet.
//! - No task is woken under the lock, because a waker is user code.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use super::desk::{Asked, Desk};
use super::others::{Dispositions, Others};
use crate::panics;
use crate::report::reason::{OnHangup, Signal};
use crate::shared::application::Application;

/// A run that listens for signals, until this is dropped.
#[derive(Debug)]
pub(crate) struct Listener(Weak<Application>);

/// How long a signal that ends the process waits for a run to start. A loop that reloads has started its
/// next run by then, and a person does not notice the wait.
const BETWEEN: Duration = Duration::from_millis(100);

/// `None` until the first run listens.
static HANDLERS: Mutex<Option<Handlers>> = Mutex::new(None);

struct Handlers {
    desk: Desk,
    /// SIGINT and SIGTERM, once a run listens to them.
    caught: Vec<Caught>,
    /// SIGHUP, once a run listens to it.
    hangup: Option<Hangup>,
    /// The runs that listen to SIGHUP, and what it does to each.
    hangup_runs: Vec<(Weak<Application>, OnHangup)>,
    before: Option<Dispositions>,
    others: Others,
    /// The next signal ends the process.
    is_final: Arc<AtomicBool>,
    /// A signal that ends the process at this time, unless a run starts before.
    fatal: Option<(i32, Instant)>,
    /// Wakes the thread.
    pipe: UnixStream,
}

/// A signal that the library handles.
struct Caught {
    number: i32,
    signal: Signal,
    /// Set by the handler when the signal has come.
    has_come: Arc<AtomicBool>,
}

struct Hangup {
    /// Set by the handler when the signal has come.
    has_come: Arc<AtomicBool>,
    /// The next one ends the process.
    is_final: Arc<AtomicBool>,
}

impl Listener {
    pub(crate) fn install(application: &Arc<Application>) -> io::Result<Self> {
        let asked = {
            let mut handlers = lock();
            let handlers = match &mut *handlers {
                Some(handlers) => handlers,
                none => none.insert(Handlers::new()?),
            };
            handlers.catch_ends()?;
            handlers.fatal = None;
            let mut asked = handlers.desk.add(application);
            asked.extend(handlers.take_notes_and_wake());
            asked
        };
        asked.wake();
        Ok(Self(Arc::downgrade(application)))
    }

    /// The first signal since this run listens, even if the thread has not passed it on yet.
    pub(crate) fn delivered(&self) -> Option<Signal> {
        let (asked, heard) = {
            let mut handlers = lock();
            let handlers = handlers.as_mut()?;
            let asked = handlers.take_notes_and_wake();
            (asked, handlers.desk.heard_by(&self.0))
        };
        asked.wake();
        heard
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let asked = match &mut *lock() {
            Some(handlers) => {
                let asked = handlers.take_notes();
                handlers.desk.remove(&self.0);
                handlers.arm_and_wake();
                asked
            }
            None => return,
        };
        asked.wake();
    }
}

/// A run that listens for a hangup, until this is dropped.
#[derive(Debug)]
pub(crate) struct HangupListener(Weak<Application>);

impl HangupListener {
    pub(crate) fn install(application: &Arc<Application>, what: OnHangup) -> io::Result<Self> {
        let mut handlers = lock();
        let handlers = match &mut *handlers {
            Some(handlers) => handlers,
            none => none.insert(Handlers::new()?),
        };
        if handlers.catch_hangup(what)? {
            let run = (Arc::downgrade(application), what);
            handlers.hangup_runs.push(run);
            handlers.fatal = None;
        }
        Ok(Self(Arc::downgrade(application)))
    }
}

impl Drop for HangupListener {
    fn drop(&mut self) {
        let asked = match &mut *lock() {
            Some(handlers) => {
                let asked = handlers.take_notes();
                handlers.hangup_runs.retain(|(run, _)| !run.ptr_eq(&self.0));
                handlers.arm_and_wake();
                asked
            }
            None => return,
        };
        asked.wake();
    }
}

impl Handlers {
    /// Without a handler so far.
    fn new() -> io::Result<Self> {
        let (wakes, pipe) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let before = Dispositions::read();
        thread::Builder::new()
            .name("lifecycle-signals".to_owned())
            .spawn(move || pass_on(wakes))?;
        Ok(Self {
            desk: Desk::default(),
            caught: Vec::new(),
            hangup: None,
            hangup_runs: Vec::new(),
            before,
            others: Others::new(before),
            is_final: Arc::new(AtomicBool::new(false)),
            fatal: None,
            pipe,
        })
    }

    /// Installs the handlers of SIGINT and SIGTERM, all or none, unless they are installed. So it makes everything
    /// that may fail for want of memory or descriptors before the first handler.
    fn catch_ends(&mut self) -> io::Result<()> {
        if !self.caught.is_empty() {
            return Ok(());
        }
        // A signal that was ignored when the program was started, as by a shell's `&`, stays ignored.
        let before = self.before;
        let signals = [(SIGINT, Signal::INTERRUPT), (SIGTERM, Signal::TERMINATE)]
            .into_iter()
            .filter(|(number, _)| !before.is_some_and(|before| before.ignores(*number)));
        let pipes = signals
            .map(|signal| self.pipe.try_clone().map(|pipe| (signal, pipe)))
            .collect::<io::Result<Vec<_>>>()?;
        let mut registered = Vec::new();
        for ((number, signal), pipe) in pipes {
            let is_final = self.is_final.clone();
            match self.register(number, is_final, pipe, &mut registered) {
                Ok(has_come) => self.caught.push(Caught {
                    number,
                    signal,
                    has_come,
                }),
                Err(error) => {
                    self.caught.clear();
                    registered.into_iter().for_each(unregister);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Installs the handler of SIGHUP, unless it is installed. Returns whether the run listens to it: one that
    /// would stop does not where the signal was ignored when the program was started, as by `nohup`.
    fn catch_hangup(&mut self, what: OnHangup) -> io::Result<bool> {
        let was_ignored = self.before.is_some_and(|before| before.ignores(SIGHUP));
        if was_ignored && what == OnHangup::Stop {
            return Ok(false);
        }
        if self.hangup.is_some() {
            return Ok(true);
        }
        let pipe = self.pipe.try_clone()?;
        let is_final = Arc::new(AtomicBool::new(false));
        let mut registered = Vec::new();
        match self.register(SIGHUP, is_final.clone(), pipe, &mut registered) {
            Ok(has_come) => {
                self.hangup = Some(Hangup { has_come, is_final });
                Ok(true)
            }
            Err(error) => {
                registered.into_iter().for_each(unregister);
                Err(error)
            }
        }
    }

    /// Registers the actions of one signal. They run in this order: end the process if the flag is armed,
    /// note the signal, wake the thread.
    fn register(
        &mut self,
        number: i32,
        is_final: Arc<AtomicBool>,
        pipe: UnixStream,
        registered: &mut Vec<SigId>,
    ) -> io::Result<Arc<AtomicBool>> {
        let has_come = Arc::new(AtomicBool::new(false));
        let mut note = |id| {
            self.others.note(id);
            registered.push(id);
        };
        note(flag::register_conditional_shutdown(
            number,
            128 + number,
            is_final,
        )?);
        note(flag::register(number, has_come.clone())?);
        note(low_level::pipe::register(number, pipe)?);
        Ok(has_come)
    }

    /// Takes the notes of the handlers, and asks the runs to stop.
    fn take_notes(&mut self) -> Asked {
        let now = Instant::now();
        let mut asked = Asked::default();
        for place in 0..self.caught.len() {
            let caught = &self.caught[place];
            if !caught.has_come.swap(false, Ordering::SeqCst) {
                continue;
            }
            let (number, signal) = (caught.number, caught.signal);
            if self.desk.is_empty() {
                self.unheard(number, signal, now);
            } else {
                asked.extend(self.desk.hear(signal, now));
            }
        }
        let hangup = self.hangup.as_ref();
        if hangup.is_some_and(|hangup| hangup.has_come.swap(false, Ordering::SeqCst)) {
            asked.extend(self.hang_up(now));
        }
        asked
    }

    /// A hangup came: it does to each run what that has set.
    fn hang_up(&mut self, now: Instant) -> Asked {
        let mut asked = Asked::default();
        if self.hangup_runs.is_empty() {
            let is_heard_by_us_alone = self.others.listen(SIGHUP) == Some(false);
            if is_heard_by_us_alone && std::process::id() != 1 {
                self.fatal = Some((SIGHUP, now + BETWEEN));
            }
        }
        for (application, what) in &self.hangup_runs {
            let Some(application) = application.upgrade() else {
                continue;
            };
            match what {
                OnHangup::Reload => asked.reloads.push(application),
                OnHangup::Stop => asked.extend(self.desk.hang_up(application, now)),
                OnHangup::Ignore => {}
            }
        }
        asked
    }

    fn take_notes_and_wake(&mut self) -> Asked {
        let asked = self.take_notes();
        self.arm_and_wake();
        asked
    }

    /// Arms or disarms the flag. Returns how long it is until the flag must be armed.
    fn arm(&self) -> Option<Duration> {
        let now = Instant::now();
        let from = self.desk.final_from();
        let is_final = from.is_some_and(|from| from <= now);
        self.is_final.store(is_final, Ordering::SeqCst);
        if let Some(hangup) = &self.hangup {
            // Where it does not stop a run, it ends no process either.
            let stops = |(_, what): &(_, OnHangup)| *what == OnHangup::Stop;
            let all_stop = !self.hangup_runs.is_empty() && self.hangup_runs.iter().all(stops);
            hangup
                .is_final
                .store(is_final && all_stop, Ordering::SeqCst);
        }
        from.filter(|from| *from > now).map(|from| from - now)
    }

    /// As [`arm`](Self::arm), called on another thread: wakes the thread that waits, if that must arm
    /// the flag later.
    fn arm_and_wake(&self) {
        if self.arm().is_some() {
            // If the pipe is full, the thread has been woken already.
            let _ = (&self.pipe).write(&[0]);
        }
    }

    /// A signal came while no run listens.
    fn unheard(&mut self, number: i32, signal: Signal, now: Instant) {
        if self.desk.is_repeat(signal, now) {
            return;
        }
        let others_listen = self.others.listen(number);
        if others_listen == Some(true) {
            // The other listener handles it.
            return;
        }
        self.desk.keep(signal, now);
        // Process 1 of a system or a container has no default action.
        if others_listen == Some(false) && std::process::id() != 1 {
            self.fatal = Some((number, now + BETWEEN));
        }
    }

    /// Arms the flag and ends the process, if it is time for that. Returns how long it is until the next
    /// time.
    fn settle(&mut self) -> Option<Duration> {
        let arm = self.arm();
        let Some((number, at)) = self.fatal else {
            return arm;
        };
        let wait = at.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            let _ = low_level::emulate_default_handler(number);
        }
        Some(arm.map_or(wait, |arm| arm.min(wait)))
    }
}

/// The body of the thread that passes signals on.
fn pass_on(mut wakes: UnixStream) {
    let mut sink = [0; 64];
    loop {
        let wait = take_turn();
        // If the time limit can't be set, the next signal wakes the thread, which arms the flag then.
        let _ = wakes.set_read_timeout(wait);
        if matches!(wakes.read(&mut sink), Ok(0)) {
            return;
        }
    }
}

/// Passes on the signals that have come. Returns how long it is until there is something to do.
fn take_turn() -> Option<Duration> {
    let (asked, wait) = {
        let mut handlers = lock();
        let handlers = handlers.as_mut()?;
        (handlers.take_notes(), handlers.settle())
    };
    let _ = panics::catch(|| asked.wake());
    // The system counts whole microseconds, and a zero would mean no limit.
    wait.map(|wait| wait.max(Duration::from_millis(1)))
}

fn unregister(id: SigId) {
    low_level::unregister(id);
}

fn lock() -> MutexGuard<'static, Option<Handlers>> {
    HANDLERS.lock().unwrap_or_else(PoisonError::into_inner)
}
