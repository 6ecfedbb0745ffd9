//! Which service's code the thread executes, so that what a service asks can be told from what others ask.
//!
//! Set for the length of one poll, and never carried over to another thread.

use std::cell::Cell as ThreadCell;
use std::sync::Arc;

use crate::shared::application::Application;
use crate::shared::run::Run;

/// A service of an application, by the place of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServiceId {
    /// The address of the [`Application`], which its service keeps alive.
    pub(crate) application: usize,
    pub(crate) index: u32,
}

impl ServiceId {
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "services are counted in u32: four billion of them fit no memory"
    )]
    pub(crate) fn new(application: &Arc<Application>, index: usize) -> Self {
        Self {
            application: Arc::as_ptr(application).addr(),
            index: index as u32,
        }
    }
}

/// Code of a run of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    pub(crate) service: ServiceId,
    /// The code is that of a task it has spawned.
    is_task: bool,
    /// The address of the [`Run`]. The code holds it, so no other run has this address meanwhile.
    run: usize,
}

impl Current {
    #[inline]
    pub(crate) fn new(service: ServiceId, run: &Arc<Run>) -> Self {
        Self {
            service,
            is_task: false,
            run: Arc::as_ptr(run).addr(),
        }
    }

    /// The same run, in a task it has spawned.
    pub(crate) fn in_a_task(self) -> Self {
        let is_task = true;
        Self { is_task, ..self }
    }

    pub(crate) fn is_of(&self, run: &Arc<Run>) -> bool {
        self.run == Arc::as_ptr(run).addr()
    }
}

thread_local! {
    static CURRENT: ThreadCell<Option<Current>> = const { ThreadCell::new(None) };
}

/// The service whose `start` or `stop`, with all hooks in them, is being polled on this thread. A task
/// that it has spawned is polled by itself, and is none of these.
#[inline]
pub(crate) fn service() -> Option<ServiceId> {
    let current = CURRENT.get().filter(|current| !current.is_task)?;
    Some(current.service)
}

/// The run whose code is being executed on this thread, in a hook, in a task or in a destructor.
pub(crate) fn owner() -> Option<Current> {
    CURRENT.try_with(ThreadCell::get).ok().flatten()
}

/// Says whose code runs, until the guard is dropped.
#[inline]
pub(crate) fn enter(code: Current) -> Entered {
    Entered {
        before: CURRENT.replace(Some(code)),
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
