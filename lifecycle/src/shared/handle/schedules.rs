//! Schedules as a handle sees them: paused, and resumed.

use std::sync::Arc;

use super::Handle;
use crate::report::error::ScheduleError;
use crate::report::event::EventKind;
use crate::shared::application::Application;
use crate::shared::tick_facts::TickFacts;

impl Handle {
    /// From now on no tick of this service begins by itself. One that is in flight ends, and
    /// [`trigger`](Self::trigger) works as before. [`ServiceStatus::paused`](crate::ServiceStatus::paused) shows it.
    ///
    /// It stays so until [`resume`](Self::resume), over restarts of the service too, and has no other effect: the
    /// service counts as running, and stops as it would. Before the start of the registry the first tick is held
    /// back already. Pausing again changes nothing.
    ///
    /// ```
    /// # use lifecycle::{Handle, ScheduleError};
    /// # fn maintain(handle: &Handle) -> Result<(), ScheduleError> {
    /// handle.pause("report")?;
    /// // The disk is exchanged.
    /// handle.resume("report")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// No such service, or one that has no ticks. What a decorator has wrapped shows once it is up: see
    /// [`ScheduleError::NotUp`].
    pub fn pause(&self, service: &str) -> Result<(), ScheduleError> {
        let found = self.schedule(service)?;
        if found.ticks().is_some_and(TickFacts::pause) {
            found.tell(EventKind::Paused);
        }
        Ok(())
    }

    /// Ticks of this service begin by themselves again. What has become due during the [pause](Self::pause) was
    /// missed, and `missed` says what becomes of it, as where a tick has overrun its points: by default there is one
    /// late tick at once. With `delay = ..` the tick that is overdue begins at once. Resuming what is not paused changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// Those of [`pause`](Self::pause).
    pub fn resume(&self, service: &str) -> Result<(), ScheduleError> {
        let found = self.schedule(service)?;
        if found.ticks().is_some_and(TickFacts::resume) {
            found.tell(EventKind::Resumed);
        }
        Ok(())
    }

    fn schedule(&self, service: &str) -> Result<Found, ScheduleError> {
        let found = self.application.find(service);
        let (application, index) =
            found.ok_or_else(|| ScheduleError::Unknown(service.to_owned()))?;
        let instance = &application.instances[index];
        if instance.ticks().is_some() {
            return Ok(Found { application, index });
        }
        let name = instance.name.clone();
        let is_known = instance.queue().is_some()
            || instance.has_nothing_to_trigger()
            || instance.state().is_final();
        Err(if is_known {
            ScheduleError::NotScheduled(name)
        } else {
            ScheduleError::NotUp(name)
        })
    }
}

/// A service that is scheduled.
struct Found {
    application: Arc<Application>,
    index: usize,
}

impl Found {
    fn ticks(&self) -> Option<&TickFacts> {
        self.application.instances[self.index].ticks()
    }

    fn tell(&self, kind: EventKind) {
        self.application.tell(self.index, kind);
    }
}
