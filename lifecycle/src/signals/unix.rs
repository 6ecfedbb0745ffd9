//! SIGINT and SIGTERM on Unix, through signal-hook.
//!
//! The handlers are installed once for the process, by the first run that listens, and then decide
//! by two flags what a signal does: while nobody listens its default action; the first time a
//! request to every run that listens; after that the end of the process, from within the handler,
//! so that blocked threads don't matter. A thread passes the first one on, so that it is heard at
//! once whatever the runtime is doing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::core::Core;
use crate::reason::{Reason, Signal};

/// One run's wish to hear of signals; dropping it gives the signals their default action back, if
/// it was the last.
#[derive(Debug)]
pub(crate) struct Listener {
    core: Weak<Core>,
    /// Which was the last signal; none when an earlier one was meant for other runs.
    last: Option<Arc<AtomicUsize>>,
}

/// None until the first run listens.
static HANDLERS: Mutex<Option<Handlers>> = Mutex::new(None);

const INTERRUPT: usize = 1;
const TERMINATE: usize = 2;

struct Handlers {
    /// Nobody listens: a signal does what it does by default.
    default: Arc<AtomicBool>,
    /// A signal has come: the next one ends the process.
    final_warning: Arc<AtomicBool>,
    /// Which signal was the last that has come while a run listened: zero, [`INTERRUPT`] or
    /// [`TERMINATE`].
    last: Arc<AtomicUsize>,
    listeners: Vec<Weak<Core>>,
}

impl Listener {
    pub(crate) fn install(core: &Arc<Core>) -> io::Result<Self> {
        let mut handlers = handlers();
        let handlers = match &mut *handlers {
            Some(handlers) => handlers,
            none => none.insert(Handlers::install()?),
        };
        let listener = Arc::downgrade(core);
        let is_first = handlers.last.load(Ordering::SeqCst) == 0;
        handlers.listeners.push(listener.clone());
        handlers.default.store(false, Ordering::SeqCst);
        Ok(Self {
            core: listener,
            last: is_first.then(|| handlers.last.clone()),
        })
    }

    /// The signal that has been delivered to the process since this run listens, whether or not the
    /// thread has passed it on.
    pub(crate) fn delivered(&self) -> Option<Signal> {
        match self.last.as_ref()?.load(Ordering::SeqCst) {
            INTERRUPT => Some(Signal::INTERRUPT),
            TERMINATE => Some(Signal::TERMINATE),
            _ => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(handlers) = &mut *handlers() {
            handlers
                .listeners
                .retain(|listener| !listener.ptr_eq(&self.core));
            if handlers.listeners.is_empty() {
                handlers.default.store(true, Ordering::SeqCst);
                handlers.final_warning.store(false, Ordering::SeqCst);
                handlers.last.store(0, Ordering::SeqCst);
            }
        }
    }
}

impl Handlers {
    fn install() -> io::Result<Self> {
        let default = Arc::new(AtomicBool::new(true));
        let final_warning = Arc::new(AtomicBool::new(false));
        let last = Arc::new(AtomicUsize::new(0));
        for (signal, place) in [(SIGINT, INTERRUPT), (SIGTERM, TERMINATE)] {
            // Actions of one signal run in the order they were registered: the flag is looked at
            // before it is set.
            flag::register_conditional_default(signal, default.clone())?;
            flag::register_conditional_shutdown(signal, 128 + signal, final_warning.clone())?;
            flag::register(signal, final_warning.clone())?;
            flag::register_usize(signal, last.clone(), place)?;
        }
        let signals = Signals::new([SIGINT, SIGTERM])?;
        thread::Builder::new()
            .name("lifecycle-signals".to_owned())
            .spawn(move || pass_on(signals))?;
        Ok(Self {
            default,
            final_warning,
            last,
            listeners: Vec::new(),
        })
    }
}

fn pass_on(mut signals: Signals) {
    for signal in signals.forever() {
        let signal = if signal == SIGINT {
            Signal::INTERRUPT
        } else {
            Signal::TERMINATE
        };
        let listeners = handlers()
            .as_ref()
            .map(|handlers| handlers.listeners.clone())
            .unwrap_or_default();
        for core in listeners.iter().filter_map(Weak::upgrade) {
            core.ask_to_stop(Reason::Signal(signal));
        }
    }
}

fn handlers() -> MutexGuard<'static, Option<Handlers>> {
    HANDLERS.lock().unwrap_or_else(PoisonError::into_inner)
}
