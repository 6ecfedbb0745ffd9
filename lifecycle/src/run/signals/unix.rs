//! SIGINT and SIGTERM on Unix, through signal-hook.
//!
//! The handlers are installed once for the process, by the first run that listens. A handler notes
//! that the signal has come and wakes a thread, which passes it on, so that it is heard at once
//! whatever the runtime is doing. Once every run has had its signal, the thread arms a flag by which
//! the next one ends the process from within the handler, so that blocked threads don't matter.
//!
//! While no run listens the handlers do nothing, and the thread does what the system would have
//! done, but only where no other code of the program listens, and a moment later: a signal between
//! two runs of a loop is for the second.
//!
//! # Invariants
//!
//! - A handler notes the signal before it wakes the thread, and the thread reads its pipe before it
//!   looks at the notes: no note is overlooked.
//! - Notes are taken, and runs come and go, under the lock of [`HANDLERS`]. A run takes the notes
//!   before it leaves, so a signal that came while it was up is never taken for a later one.
//! - The flag is armed under the same lock, and only after the notes were taken: what came before is
//!   a repetition, and a run that has heard nothing yet disarms it as it comes.
//! - Nothing is woken under the lock; a waker is user code.

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

/// One run's wish to hear of signals, until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener(Weak<Application>);

/// How long a signal that ends the process waits for a run to start. A person does not notice it; a
/// loop that reloads has started the next run by then.
const BETWEEN: Duration = Duration::from_millis(100);

/// None until the first run listens.
static HANDLERS: Mutex<Option<Handlers>> = Mutex::new(None);

struct Handlers {
    desk: Desk,
    caught: Vec<Caught>,
    others: Others,
    /// The next signal ends the process.
    is_final: Arc<AtomicBool>,
    /// A signal that ends the process, by this time, unless a run starts.
    fatal: Option<(i32, Instant)>,
    /// Wakes the thread.
    pipe: UnixStream,
}

/// A signal that we handle.
struct Caught {
    number: i32,
    signal: Signal,
    /// It has come; set by the handler.
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

    /// The first signal that has come to the process since this run listens, whether or not the
    /// thread has passed it on by now.
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
    /// All or nothing: what needs memory, descriptors or a thread comes before the first handler.
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
        // What was ignored when the program was started, as by a shell's `&`, stays so.
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
                // The thread ends with the last writing end of its pipe.
                for id in registered {
                    low_level::unregister(id);
                }
                return Err(error);
            }
        }
        Ok(handlers)
    }

    /// Actions of one signal run in the order they are registered.
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

    /// Passes on what has come by now.
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

    /// Arms or disarms the flag, and says how long it is until it must be armed.
    fn arm(&self) -> Option<Duration> {
        let now = Instant::now();
        let from = self.desk.final_from();
        self.is_final
            .store(from.is_some_and(|from| from <= now), Ordering::SeqCst);
        from.filter(|from| *from > now).map(|from| from - now)
    }

    /// As [`arm`](Self::arm), on another thread than the one that waits.
    fn arm_and_wake(&self) {
        if self.arm().is_some() {
            // A pipe that is full wakes the thread as well.
            let _ = (&self.pipe).write(&[0]);
        }
    }

    /// A signal that no run has heard.
    fn unheard(&mut self, number: i32, signal: Signal, now: Instant) {
        if self.desk.is_repeat(signal, now) {
            return;
        }
        let others_listen = self.others.listen(number);
        if others_listen == Some(true) {
            // It is theirs.
            return;
        }
        self.desk.keep(signal, now);
        // The first process of a system or a container has no default action.
        if others_listen == Some(false) && std::process::id() != 1 {
            self.fatal = Some((number, now + BETWEEN));
        }
    }

    /// Does what is due, and says how long it is until something is.
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

/// The thread.
fn pass_on(mut wakes: UnixStream) {
    let mut sink = [0; 64];
    loop {
        let wait = take_turn();
        // Without the time limit the flag is armed with the next signal.
        let _ = wakes.set_read_timeout(wait);
        if matches!(wakes.read(&mut sink), Ok(0)) {
            return;
        }
    }
}

/// Passes on what has come, and returns how long it is until there is something to do.
fn take_turn() -> Option<Duration> {
    let (asked, wait) = {
        let mut handlers = lock();
        let handlers = handlers.as_mut()?;
        (handlers.take_notes(), handlers.settle())
    };
    let _ = panics::catch(|| asked.wake());
    // The system counts in whole microseconds, and takes none for no limit.
    wait.map(|wait| wait.max(Duration::from_millis(1)))
}

fn lock() -> MutexGuard<'static, Option<Handlers>> {
    HANDLERS.lock().unwrap_or_else(PoisonError::into_inner)
}
