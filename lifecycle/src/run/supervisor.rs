//! The task of a registry: it passes events to the engine, and has the engine's commands carried out.

mod commands;
mod failures;
mod finish;
mod leases;
pub(crate) mod restarts;
mod stop_causes;
pub(super) mod tasks;
mod wake;
mod without_task;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;

use self::restarts::RestartCall;
use self::tasks::ServiceTasks;
use self::wake::{Sources, Wake};
use super::leases::Keepers;
use super::members::MemberCalls;
use crate::engine::{Engine, Failure};
use crate::panics::log_safely;
use crate::report::error::ServiceError;
use crate::report::event::EventKind;
use crate::report::outcome::Outcome;
use crate::report::reason::{Reason, Signal};
use crate::report::status::Phase;
use crate::run::plan::StopOn;
use crate::run::signals::{HangupListener, Listener};
use crate::run::systemd::Systemd;
use crate::shape::service::Service;
use crate::shared::application::Application;
use crate::shared::inbox::{BATCH, Backlog};
use crate::shared::request::WatchdogMessage;
use crate::shared::runner_news::{RunnerNews, SupervisorEvent};

/// The state of the loop in [`run`](Self::run).
///
/// # Invariants
///
/// - Only this task changes the engine. It carries out all commands before it passes the next event in, so the
///   engine never decides on a state that others can't see yet.
/// - The reports of one run arrive in order through one inbox, `Down` last. A report after that belongs to the
///   next run, which is made only by the command `Start`.
/// - No wake-up is lost: each source that the loop waits for remembers what has happened (the inbox its events,
///   a latch its closing), and the loop asks for the next alarm each time.
/// - The request is checked before the reports, so a report after the request starts no service. Alarms are
///   handled only when the inbox is empty, so a service that has ended by that instant is not late.
/// - A service's value is in `services` until its first start, in `kept` between two runs, and otherwise owned by
///   its task.
pub(crate) struct Supervisor {
    pub(crate) application: Arc<Application>,
    pub(crate) engine: Engine,
    pub(crate) services: Vec<Option<Arc<dyn Service>>>,
    /// The services that wait for another run.
    pub(crate) kept: BTreeMap<usize, Arc<dyn Service>>,
    /// The calls that wait for a service to be up again.
    pub(crate) restart_calls: Vec<RestartCall>,
    /// The tasks that keep the leases, if one replica runs some of the services.
    pub(crate) leases: Option<Keepers>,
    /// The requests for members, if the services are those of a group.
    pub(crate) members: Option<MemberCalls>,
    pub(crate) stop_on: Option<StopOn>,
    /// Listens for signals until the run is over.
    pub(crate) signals: Option<Listener>,
    /// Listens for a hangup as long.
    pub(crate) hangup: Option<HangupListener>,
    /// Talks to systemd, if that listens.
    pub(crate) systemd: Option<Systemd>,
    /// The alarm that the watchdog was told of last.
    pub(crate) told_alarm: Option<Instant>,
}

impl Supervisor {
    pub(crate) async fn run(mut self) -> Outcome {
        let mut tasks = ServiceTasks::new(self.services.len());
        let mut backlog = Backlog::default();
        let mut commands = Vec::new();
        let application = self.application.clone();
        let sleep = pin!(None);
        let mut sources = Sources::of(&application, sleep);

        // Read once for each wake-up, because a move costs little more than that.
        let mut moment = self.application.now();
        let now = moment.at;
        // The stop was requested before the start, or by a signal that was kept for this run. No service
        // starts, so there is no shutdown delay.
        if let Some(reason) = self.application.request.reason().cloned() {
            sources.request.is_seen = true;
            self.requested(&reason, now, true);
        }
        self.engine.begin(now);
        self.limit_time(now);
        loop {
            self.engine.take_commands(&mut commands);
            while !commands.is_empty() {
                for command in commands.drain(..) {
                    if let Some(left) = self.carry_out(command, moment, &mut tasks) {
                        self.await_left(left).await;
                        moment = self.application.now();
                    }
                }
                self.engine.take_commands(&mut commands);
            }
            // A burst of alarms grows this buffer; shrink it afterwards.
            commands.shrink_to(BATCH);
            if self.engine.is_over() {
                break;
            }
            self.set_alarm(&mut sources);
            let wake = poll_fn(|task| self.poll_wake(&mut sources, &mut backlog, task)).await;
            moment = self.application.now();
            let now = moment.at;
            if let Some(systemd) = &mut self.systemd {
                systemd.send_due(&self.application, now);
            }
            match wake {
                Wake::Events => {
                    for event in backlog.batch() {
                        if let Some((service, news)) = self.hear(event, now) {
                            self.hear_waiting(service, news, now, &mut tasks).await;
                        }
                    }
                }
                Wake::Requested => self.hear_request(now),
                Wake::StopCalled => self.engine.stop(now),
                Wake::Cut => self.engine.cut_short(now),
                Wake::External(ended) => self.external(ended),
                Wake::Members => self.serve_all(now, &mut tasks),
                Wake::Alarm => self.pass_on_alarm(),
            }
            self.limit_time(now);
            // Events in the inbox happened before this instant, so they are handled before its alarms.
            if backlog.is_empty() && self.application.inbox.is_empty() {
                self.engine.handle_alarms(now);
            }
        }
        self.finish(tasks).await
    }

    /// Tells the watchdog of the next alarm: a blocked thread may hold up the runtime's clock.
    fn tell_alarm(&mut self, alarm: Option<Instant>) {
        if alarm != self.told_alarm {
            self.told_alarm = alarm;
            if let Some(alarm) = alarm {
                let wait = alarm.saturating_duration_since(Instant::now());
                self.application
                    .outermost()
                    .request
                    .tell_watchdog(WatchdogMessage::Alarm(wait));
            }
        }
    }

    /// The watchdog notifies only the outermost application of an alarm, whichever it is for.
    fn pass_on_alarm(&self) {
        for inner in self.application.inner_applications() {
            inner.wake_for_alarm();
        }
    }

    /// Passes the event on. Returns news that take a wait, so that the others don't pay for its future.
    fn hear(&mut self, event: SupervisorEvent, now: Instant) -> Option<(usize, RunnerNews)> {
        let (service, news) = match event {
            SupervisorEvent::Runner { service, news } => (service, news),
            SupervisorEvent::Alarm => {
                self.pass_on_alarm();
                return None;
            }
            SupervisorEvent::Ping(answer) => {
                drop(answer);
                return None;
            }
            SupervisorEvent::Lease { service, news } => {
                self.hear_of_lease(service, news, now);
                return None;
            }
            SupervisorEvent::Restart {
                service,
                member,
                asker,
                answer,
            } => {
                if member.is_none_or(|member| !member.is_removed()) {
                    self.restart(service, asker, answer, now);
                }
                return None;
            }
        };
        match news {
            RunnerNews::Failed(_) | RunnerNews::Down { is_kept: true } => {
                return Some((service, news));
            }
            RunnerNews::Oneshot => self.engine.is_oneshot(service),
            RunnerNews::Registry => self.engine.is_registry(service),
            RunnerNews::Ready => self.engine.ready(service, now),
            RunnerNews::Late(phase) => self.engine.late(service, phase, now),
            #[cfg(test)]
            RunnerNews::Restart(wait) => self.engine.restart_after(service, wait, now),
            RunnerNews::Down { is_kept: false } => {
                // A drain for a restart that was cancelled, or one behind a decorator, has left its items.
                self.application.end_queues_of(service);
                self.engine.down(service, false, now);
            }
        }
        None
    }

    /// Passes on news that take a wait.
    async fn hear_waiting(
        &mut self,
        service: usize,
        news: RunnerNews,
        now: Instant,
        tasks: &mut ServiceTasks,
    ) {
        match news {
            RunnerNews::Failed(error) if self.is_due_to_the_stop(service, &error, now).await => {
                self.left(service, &error);
            }
            RunnerNews::Failed(error) => self.engine.failed(service, Failure::Reported(error), now),
            RunnerNews::Down { is_kept } => {
                self.take_back(service, tasks).await;
                self.engine.down(service, is_kept, now);
            }
            _ => {}
        }
    }

    fn left(&mut self, service: usize, error: &ServiceError) {
        log_safely!(debug, service = %error.service(), %error, "ended with the stop");
        // The end of a spawned task does not mean that `start` has returned.
        if error.phase() != Phase::Task {
            self.engine.left(service);
        }
    }

    /// The reason is set before the latch of the request closes.
    fn hear_request(&mut self, now: Instant) {
        let reason = self.application.request.reason().cloned();
        self.requested(&reason.unwrap_or(Reason::Requested), now, false);
    }

    fn limit_time(&mut self, now: Instant) {
        if let Some(at) = self.application.time_limit() {
            self.engine.limit_time(at, now);
        }
    }

    fn requested(&mut self, reason: &Reason, now: Instant, hurry: bool) {
        let why = reason.clone();
        self.application
            .tell_of_all(EventKind::Stopping { reason: why });
        // The deadline counts from the request, though a busy runtime may have delayed this.
        let asked = self
            .application
            .request
            .asked_at()
            .map_or(now, |asked| asked.min(now));
        self.application.record().requested = Some(asked);
        if let Some(systemd) = &mut self.systemd {
            systemd.stopping(&self.application, reason, asked);
        }
        // The shutdown delay is for a load balancer. A person at the terminal does not wait for one, and a
        // failed application answers no requests.
        let hurry = hurry
            || matches!(
                reason,
                Reason::Signal(Signal::INTERRUPT)
                    | Reason::Failure(_)
                    | Reason::ExternalPanicked(_)
            );
        self.engine.requested(asked, now, hurry);
    }
}

impl Drop for Supervisor {
    /// Closes the inbox, which nothing reads from here on. Drops the services without a task, if the runtime ends before
    /// their stop. Each is dropped on its own,
    /// because a second panicking destructor would abort the process.
    fn drop(&mut self) {
        self.application.inbox.close();
        for index in 0..self.services.len() {
            let kept = self.kept.remove(&index);
            if let Some(service) = kept.or_else(|| self.services[index].take()) {
                drop(self.unstarted(index, service));
            }
        }
    }
}
