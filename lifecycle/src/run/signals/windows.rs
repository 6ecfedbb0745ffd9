//! Ctrl-C, Ctrl-Break, and the end of the console, the session and the system on Windows, through tokio.
//! A thread of its own listens, so that a busy runtime delays nothing.
//!
//! The thread lives as long as a run listens. Without a listener, tokio takes the default action.
//!
//! # Invariants
//!
//! Runs are added and removed, and events are passed on, under the lock of [`CONSOLE`]. The thread is
//! started and told to end under it too, so a thread runs exactly while a run listens. No task is woken
//! under the lock, because a waker is user code.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use tokio::runtime::Builder;
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close,
    ctrl_logoff, ctrl_shutdown,
};
use tokio::sync::oneshot;

use super::desk::{Asked, Desk};
use crate::panics;
use crate::report::reason::Signal;
use crate::shared::application::Application;

/// A run that listens for these events, until this is dropped.
#[derive(Debug)]
pub(crate) struct Listener(Weak<Application>);

static CONSOLE: Mutex<Option<Console>> = Mutex::new(None);

#[derive(Default)]
struct Console {
    desk: Desk,
    /// Ends the thread when it is dropped.
    thread: Option<oneshot::Sender<()>>,
}

impl Listener {
    pub(crate) fn install(application: &Arc<Application>) -> io::Result<Self> {
        let asked = {
            let mut console = lock();
            let console = console.get_or_insert_with(Console::default);
            if console.thread.is_none() {
                console.thread = Some(listen()?);
            }
            console.desk.add(application)
        };
        asked.wake();
        Ok(Self(Arc::downgrade(application)))
    }

    /// The first event that this run has heard.
    pub(crate) fn delivered(&self) -> Option<Signal> {
        lock().as_ref()?.desk.heard_by(&self.0)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(console) = &mut *lock() {
            console.desk.remove(&self.0);
            if console.desk.is_empty() {
                console.thread = None;
            }
        }
    }
}

/// The events that end a program on Windows. A person presses the first two; after the others the system
/// leaves the program a few seconds.
struct Events {
    press: CtrlC,
    interrupt: CtrlBreak,
    close: CtrlClose,
    logoff: CtrlLogoff,
    shutdown: CtrlShutdown,
}

impl Events {
    fn new() -> io::Result<Self> {
        Ok(Self {
            press: ctrl_c()?,
            interrupt: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.press.recv() => Signal::INTERRUPT,
            _ = self.interrupt.recv() => Signal::INTERRUPT,
            _ = self.close.recv() => Signal::TERMINATE,
            _ = self.logoff.recv() => Signal::TERMINATE,
            _ = self.shutdown.recv() => Signal::TERMINATE,
        }
    }
}

/// Starts the thread. The steps that can fail come first.
fn listen() -> io::Result<oneshot::Sender<()>> {
    let runtime = Builder::new_current_thread().build()?;
    let mut events = Events::new()?;
    let (thread, mut over) = oneshot::channel::<()>();
    let listening = async move {
        loop {
            tokio::select! {
                signal = events.next() => hear(signal),
                _ = &mut over => return,
            }
        }
    };
    thread::Builder::new()
        .name("lifecycle-signals".to_owned())
        .spawn(move || runtime.block_on(listening))?;
    Ok(thread)
}

fn hear(signal: Signal) {
    let now = Instant::now();
    let asked = {
        let mut console = lock();
        let Some(console) = &mut *console else {
            return;
        };
        if console.desk.final_from().is_some_and(|from| from <= now) {
            std::process::exit(128 + signal.number());
        }
        console.desk.hear(signal, now)
    };
    let _ = panics::catch(|| Asked::wake(asked));
}

fn lock() -> MutexGuard<'static, Option<Console>> {
    CONSOLE.lock().unwrap_or_else(PoisonError::into_inner)
}
