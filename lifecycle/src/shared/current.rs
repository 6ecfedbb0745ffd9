//! A mark on the thread that names the service whose code it runs, so that a call of the service can be told
//! from a call of other code.
//!
//! The mark is set for one poll and never moves to another thread.

use std::cell::Cell as ThreadCell;
use std::sync::Arc;

use crate::shared::application::Application;
use crate::shared::run::Run;

/// Names a service of an application among all services of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServiceId {
    /// The address of the [`Application`]. The service's code keeps it alive.
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

/// Names the run whose code the thread executes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    pub(crate) service: ServiceId,
    /// The code is a task that the run has spawned.
    is_task: bool,
    /// The address of the [`Run`]. The code keeps it alive, so no other run has this address.
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

    /// The same run, in a task that it has spawned.
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

/// The service whose `start` or `stop`, with the hooks inside, is being polled on this thread. `None` in a
/// spawned task of the service.
#[inline]
pub(crate) fn service() -> Option<ServiceId> {
    let current = CURRENT.get().filter(|current| !current.is_task)?;
    Some(current.service)
}

/// Whether this thread polls `start` or `stop` of this run.
#[inline]
pub(crate) fn is_polled_by_runner_of(run: &Arc<Run>) -> bool {
    let current = CURRENT.get().filter(|current| !current.is_task);
    current.is_some_and(|current| current.is_of(run))
}

/// The run whose code this thread executes, in a hook, a task or a destructor.
pub(crate) fn owner() -> Option<Current> {
    CURRENT.try_with(ThreadCell::get).ok().flatten()
}

/// Sets the mark until the guard is dropped.
#[inline]
pub(crate) fn enter(code: Current) -> Entered {
    Entered {
        before: CURRENT.replace(Some(code)),
    }
}

/// Restores the previous mark when it is dropped: code of one service may poll code of another.
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
