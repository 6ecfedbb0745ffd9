//! SIGINT and SIGTERM on Unix, through signal-hook.
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

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use super::desk::{Asked, Desk};
use super::others::{Dispositions, Others};
use crate::panics;
use crate::report::reason::Signal;
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
    caught: Vec<Caught>,
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

impl Listener {
    pub(crate) fn install(application: &Arc<Application>) -> io::Result<Self> {
        let asked = {
            let mut handlers = lock();
            let handlers = match &mut *handlers {
                Some(handlers) => handlers,
                none => none.insert(Handlers::install()?),
            };
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

impl Handlers {
    /// Installs all handlers or none. So it makes everything that may fail for want of memory,
    /// descriptors or threads before the first handler.
    fn install() -> io::Result<Self> {
        let (wakes, pipe) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let before = Dispositions::read();
        let mut handlers = Self {
            desk: Desk::default(),
            caught: Vec::new(),
            others: Others::new(before),
            is_final: Arc::new(AtomicBool::new(false)),
            fatal: None,
            pipe,
        };
        // A signal that was ignored when the program was started, as by a shell's `&`, stays ignored.
        let signals = [(SIGINT, Signal::INTERRUPT), (SIGTERM, Signal::TERMINATE)]
            .into_iter()
            .filter(|(number, _)| !before.is_some_and(|before| before.ignores(*number)));
        let pipes = signals
            .map(|signal| handlers.pipe.try_clone().map(|pipe| (signal, pipe)))
            .collect::<io::Result<Vec<_>>>()?;
        thread::Builder::new()
            .name("lifecycle-signals".to_owned())
            .spawn(move || pass_on(wakes))?;
        let mut registered = Vec::new();
        for ((number, signal), pipe) in pipes {
            if let Err(error) = handlers.register(number, signal, pipe, &mut registered) {
                // This closes the last writing ends of the pipe, and so ends the thread.
                for id in registered {
                    low_level::unregister(id);
                }
                return Err(error);
            }
        }
        Ok(handlers)
    }

    /// Registers the actions of one signal. They run in this order: end the process if the flag is armed,
    /// note the signal, wake the thread.
    fn register(
        &mut self,
        number: i32,
        signal: Signal,
        pipe: UnixStream,
        registered: &mut Vec<SigId>,
    ) -> io::Result<()> {
        let has_come = Arc::new(AtomicBool::new(false));
        let mut note = |id| {
            self.others.note(id);
            registered.push(id);
        };
        note(flag::register_conditional_shutdown(
            number,
            128 + number,
            self.is_final.clone(),
        )?);
        note(flag::register(number, has_come.clone())?);
        note(low_level::pipe::register(number, pipe)?);
        self.caught.push(Caught {
            number,
            signal,
            has_come,
        });
        Ok(())
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
        self.is_final
            .store(from.is_some_and(|from| from <= now), Ordering::SeqCst);
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

fn lock() -> MutexGuard<'static, Option<Handlers>> {
    HANDLERS.lock().unwrap_or_else(PoisonError::into_inner)
}
