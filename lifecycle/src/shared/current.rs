//! Which service's code the thread runs, so that what a service asks can be told from what others ask.
//!
//! Set for the length of one poll, and never carried over to another thread.

use std::cell::Cell as ThreadCell;
use std::sync::Arc;

use crate::shared::application::Application;

/// A service of an application, by the place of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    /// The address of the application's `Core`, which its service keeps alive.
    pub(crate) application: usize,
    pub(crate) index: usize,
    /// The code is that of a task it has spawned.
    is_task: bool,
}

impl Current {
    #[inline]
    pub(crate) fn new(application: &Arc<Application>, index: usize) -> Self {
        Self {
            application: Arc::as_ptr(application).addr(),
            index,
            is_task: false,
        }
    }

    /// The same service, in a task it has spawned.
    pub(crate) fn in_a_task(self) -> Self {
        let is_task = true;
        Self { is_task, ..self }
    }
}

thread_local! {
    static CURRENT: ThreadCell<Option<Current>> = const { ThreadCell::new(None) };
}

/// The service whose `start` or `stop`, with all hooks in them, is being polled on this thread. A task
/// that it has spawned is polled by itself, and is none of these.
#[inline]
pub(crate) fn service() -> Option<Current> {
    CURRENT.get().filter(|current| !current.is_task)
}

/// The service whose code is being run on this thread, in a hook, in a task or in a destructor.
pub(crate) fn owner() -> Option<Current> {
    CURRENT.try_with(ThreadCell::get).ok().flatten()
}

/// Says whose code runs, until the guard is dropped.
#[inline]
pub(crate) fn enter(service: Current) -> Entered {
    Entered {
        before: CURRENT.replace(Some(service)),
    }
}

/// The service that ran before runs again when it is dropped: one may poll another's code.
#[must_use]
pub(crate) struct Entered {
    before: Option<Current>,
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}
