//! Schedules as a handle sees them: paused and resumed, the ticks that have been and those to come.

use tokio::time::Instant;

use super::Handle;
use crate::report::error::ScheduleError;
use crate::report::event::EventKind;
use crate::report::tick::{ScheduleRule, TickRun, Upcoming};
use crate::shared::inner::Found;
use crate::shared::tick_facts::TickFacts;

/// Each takes a search of the calendar.
const MAX_UPCOMING: usize = 1000;

impl Handle {
    /// From now on no tick of this service begins by itself. One that is in flight ends, and
    /// [`trigger`](Self::trigger) works as before. [`ServiceStatus::paused`](crate::ServiceStatus::paused) shows it.
    ///
    /// It stays so until [`resume`](Self::resume), over restarts of the service and of a registry or a group
    /// around it too, and has no other effect: the
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
        self.steer(service, TickFacts::pause, EventKind::Paused)
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
        self.steer(service, TickFacts::resume, EventKind::Resumed)
    }

    /// The rule by which this service ticks, with the values that it follows now: its interval or delay, or its cron
    /// expression and time zone. `None` until the service is up for the first time; it stays when it is down.
    ///
    /// ```
    /// # fn print(handle: &lifecycle::Handle) -> Result<(), lifecycle::ScheduleError> {
    /// if let Some(rule) = handle.schedule("report")? {
    ///     println!("the report is written {rule}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`pause`](Self::pause).
    pub fn schedule(&self, service: &str) -> Result<Option<ScheduleRule>, ScheduleError> {
        let found = self.scheduled(service)?;
        Ok(found.instance().ticks().and_then(TickFacts::rule))
    }

    /// The last 32 ticks of this service that have ended, the oldest first, over all its runs.
    ///
    /// ```
    /// # fn print(handle: &lifecycle::Handle) -> Result<(), lifecycle::ScheduleError> {
    /// for run in handle.runs("report")? {
    ///     println!("{} {:?} {}", run.number, run.took, run.outcome.as_str());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`pause`](Self::pause).
    pub fn runs(&self, service: &str) -> Result<Vec<TickRun>, ScheduleError> {
        let found = self.scheduled(service)?;
        Ok(found
            .instance()
            .ticks()
            .map(TickFacts::runs)
            .unwrap_or_default())
    }

    /// When the next ticks of this service are due, if nothing comes between: so many, and 1,000 at most. None while
    /// it does not run or is paused. Call it inside the runtime.
    ///
    /// While a tick is in flight they are those after it, as if it was in time. With `delay = ..` only the next one is
    /// known, and none while a tick is in flight. With a `jitter` the next one is exact; the others may
    /// come that much earlier, or with `cron` later.
    ///
    /// # Errors
    ///
    /// Those of [`pause`](Self::pause).
    pub fn upcoming(&self, service: &str, count: usize) -> Result<Vec<Upcoming>, ScheduleError> {
        let found = self.scheduled(service)?;
        let (now, wall) = (Instant::now(), found.application.wall_time());
        let upcoming = |ticks: &TickFacts| ticks.upcoming(now, wall, count.min(MAX_UPCOMING));
        Ok(found.instance().ticks().map(upcoming).unwrap_or_default())
    }

    /// Has the schedule do this, and tells of it if that is new. A registry around it may be restarted meanwhile:
    /// then the schedule of its next run does it too.
    fn steer(
        &self,
        service: &str,
        change: fn(&TickFacts) -> bool,
        told: EventKind,
    ) -> Result<(), ScheduleError> {
        let mut found = self.scheduled(service)?;
        let mut is_new = false;
        loop {
            is_new |= found.instance().ticks().is_some_and(change);
            let now = self.scheduled(service)?;
            if now.is_same(&found) {
                break;
            }
            found = now;
        }
        if is_new {
            found.tell(told);
        }
        Ok(())
    }

    fn scheduled(&self, service: &str) -> Result<Found, ScheduleError> {
        let found = self.application.followed().find(service);
        let found = found.ok_or_else(|| ScheduleError::Unknown(service.to_owned()))?;
        let instance = found.instance();
        if instance.ticks().is_some() {
            return Ok(found);
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
