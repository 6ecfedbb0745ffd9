//! The tasks of the services of one run of a registry.

use tokio::task::JoinHandle;

use crate::run::service_task::Kept;

/// The tasks of the services.
pub(crate) struct ServiceTasks {
    /// By service; `None` if the service has no task, or was given up.
    pub(super) running: Vec<Option<JoinHandle<Kept>>>,
    /// The tasks of members that have reported their end, and whose slots other members have taken.
    pub(super) ending: Vec<JoinHandle<Kept>>,
    /// The tasks that drop services which were never started.
    pub(super) leaving: Vec<(usize, JoinHandle<()>)>,
}

impl ServiceTasks {
    pub(super) fn new(services: usize) -> Self {
        Self {
            running: std::iter::repeat_with(|| None).take(services).collect(),
            ending: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// There is a place for the task of the member in this slot.
    pub(crate) fn make_room(&mut self, slot: usize) {
        match self.running.get_mut(slot) {
            Some(task) => {
                self.ending.retain(|task| !task.is_finished());
                self.ending.extend(task.take());
            }
            None => self.running.push(None),
        }
    }

    /// Frees the task of a service that is down, if the task has ended already. Otherwise `finish` does.
    pub(super) fn let_go(&mut self, service: usize) {
        self.running[service].take_if(|task| task.is_finished());
    }

    /// Aborts a task without waiting for it: it is dropped when it no longer blocks its thread.
    pub(super) fn abandon(&mut self, service: usize) {
        if let Some(task) = self.running[service].take() {
            task.abort();
        }
    }
}

impl Drop for ServiceTasks {
    /// If the supervisor is dropped before its end, the services' tasks are aborted.
    fn drop(&mut self) {
        for task in self.running.iter().flatten() {
            task.abort();
        }
    }
}
