//! The task of a registry: it passes events to the engine, and has the engine's commands carried out.

mod commands;
mod failures;
mod leases;
pub(crate) mod restarts;
mod stop_causes;
pub(super) mod tasks;
mod without_task;

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use self::restarts::RestartCall;
use self::stop_causes::resolved;
use self::tasks::ServiceTasks;
use super::leases::Keepers;
use super::members::{MemberCalls, MemberRequest, requested};
use crate::engine::graces::JOIN_GRACE;
use crate::engine::{Engine, Failure};
use crate::panics::{Panic, log_safely};
use crate::report::error::ServiceError;
use crate::report::event::EventKind;
use crate::report::outcome::Outcome;
use crate::report::reason::{Reason, Signal};
use crate::report::status::Phase;
use crate::run::conclude;
use crate::run::plan::StopOn;
use crate::run::signals::{HangupListener, Listener};
use crate::run::systemd::Systemd;
use crate::shape::service::Service;
use crate::shared::application::Application;
use crate::shared::latch::Closed;
use crate::shared::request::WatchdogMessage;
use crate::shared::runner_news::{RunnerNews, SupervisorEvent};

/// The state of the loop in [`run`](Self::run).
///
/// # Invariants
///
/// - Only this task changes the engine. It carries out all commands before it passes the next event in, so the
///   engine never decides on a state that others can't see yet.
/// - The reports of one run arrive in order through one channel, `Down` last. A report after that belongs to the
///   next run, which is made only by the command `Start`.
/// - No wake-up is lost: each source that the loop waits for remembers what has happened (a channel its messages,
///   a latch its closing, `Notify` its permit), and the loop asks for the next alarm each time.
/// - The request is checked before the reports, so a report after the request starts no service. Alarms are
///   handled only when the inbox is empty, so a service that has ended by that instant is not late.
/// - A service's value is in `services` until its first start, in `kept` between two runs, and otherwise owned by
///   its task.
pub(crate) struct Supervisor {
    pub(crate) application: Arc<Application>,
    pub(crate) inbox: UnboundedReceiver<SupervisorEvent>,
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

/// Why the loop of [`Supervisor::run`] goes on.
enum Wake {
    RunnerNews,
    Requested(Reason),
    StopCalled,
    Cut,
    External(Result<(), Panic>),
    Member(MemberRequest),
    Notified,
    Alarm,
}

/// Which latches the loop has seen closed. Each closes only once, so the loop must not wait for it again.
#[derive(Clone, Copy, Default)]
struct Seen {
    request: bool,
    stop: bool,
    cut: bool,
}

/// What the loop waits for beside its inbox. Made once, because to register with each of them again for every event
/// would be most of what an event costs.
struct Sources<'a, 'p> {
    alarm: &'a Notify,
    request: Closed<'a>,
    stop: Closed<'a>,
    cut: Closed<'a>,
    notified: Pin<&'p mut Notified<'a>>,
    /// When the loop is woken for an alarm: at the next one, or sooner. `None` while there is none, so that no
    /// timer is left for the runtime.
    sleep: Pin<&'p mut Option<Sleep>>,
}

impl<'a, 'p> Sources<'a, 'p> {
    fn of(
        application: &'a Application,
        notified: Pin<&'p mut Notified<'a>>,
        sleep: Pin<&'p mut Option<Sleep>>,
    ) -> Self {
        Self {
            alarm: &application.alarm,
            request: application.request.closed(),
            stop: application.stop.closed(),
            cut: application.cut.closed(),
            notified,
            sleep,
        }
    }

    /// The next alarm is at this instant. A timer that is due sooner is left: services that start one after the other
    /// have alarms one after the other, and none of them comes.
    fn set_alarm(&mut self, next: Option<Instant>) {
        let set = self.sleep.as_mut().as_pin_mut();
        match (set, next) {
            (_, None) => self.sleep.set(None),
            (Some(sleep), Some(next)) => {
                if sleep.is_elapsed() || sleep.deadline() > next {
                    sleep.reset(next);
                }
            }
            (None, Some(next)) => self.sleep.set(Some(sleep_until(next))),
        }
    }

    fn was_notified(&mut self) {
        self.notified.set(self.alarm.notified());
    }
}

/// Resolves when the timer is due; never if there is none.
async fn elapsed(sleep: Pin<&mut Option<Sleep>>) {
    match sleep.as_pin_mut() {
        Some(sleep) => sleep.await,
        None => pending().await,
    }
}

/// How many events are taken from the inbox at once.
const BATCH: usize = 256;

impl Supervisor {
    pub(crate) async fn run(mut self) -> Outcome {
        let mut tasks = ServiceTasks::new(self.services.len());
        let mut events = Vec::with_capacity(BATCH);
        let mut commands = Vec::new();
        let mut sees = Seen::default();
        let application = self.application.clone();
        let notified = pin!(application.alarm.notified());
        let sleep = pin!(None);
        let mut sources = Sources::of(&application, notified, sleep);

        // Read once for each wake-up, because a move costs little more than that.
        let mut moment = self.application.now();
        let now = moment.at;
        // The stop was requested before the start, or by a signal that was kept for this run. No service
        // starts, so there is no shutdown delay.
        if let Some(reason) = self.application.request.reason().cloned() {
            sees.request = true;
            self.requested(&reason, now, true);
        }
        self.engine.begin(now);
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
            let wake = self.wake(&mut events, sees, &mut sources).await;
            moment = self.application.now();
            let now = moment.at;
            if let Some(systemd) = &mut self.systemd {
                systemd.send_due(&self.application, now);
            }
            match wake {
                Wake::RunnerNews => {
                    for event in events.drain(..) {
                        if let Some((service, news)) = self.hear(event, now) {
                            self.hear_waiting(service, news, now, &mut tasks).await;
                        }
                    }
                }
                Wake::Requested(reason) => {
                    sees.request = true;
                    self.requested(&reason, now, false);
                }
                Wake::StopCalled => {
                    sees.stop = true;
                    self.engine.stop(now);
                }
                Wake::Cut => {
                    sees.cut = true;
                    self.engine.cut_short(now);
                }
                Wake::External(ended) => self.external(ended),
                Wake::Member(request) => self.serve(request, now, &mut tasks),
                Wake::Notified | Wake::Alarm => self.pass_on_alarm(),
            }
            if let Some(at) = self.application.time_limit() {
                self.engine.limit_time(at, now);
            }
            // Events in the inbox happened before this instant, so they are handled before its alarms.
            if self.inbox.is_empty() {
                self.engine.handle_alarms(now);
            }
        }
        self.finish(tasks).await
    }

    async fn wake(
        &mut self,
        events: &mut Vec<SupervisorEvent>,
        sees: Seen,
        sources: &mut Sources<'_, '_>,
    ) -> Wake {
        let alarm = self.engine.next_alarm();
        if sees.request {
            self.tell_alarm(alarm);
        }
        let due = self.systemd.as_ref().and_then(Systemd::due);
        let next = alarm.into_iter().chain(due).min();
        let external = self.stop_on.as_mut();
        let members = self.members.as_mut();
        sources.set_alarm(next);
        let request = &self.application.request;
        let reason = || request.reason().cloned().unwrap_or(Reason::Requested);
        let Sources {
            request: asked,
            stop,
            cut,
            notified,
            sleep,
            ..
        } = &mut *sources;
        let wake = tokio::select! {
            biased;
            // Before the runners' news: a service that is ready now must not start its dependents.
            // The reason is set before the latch closes.
            () = asked, if !sees.request => Wake::Requested(reason()),
            _ = self.inbox.recv_many(events, BATCH) => Wake::RunnerNews,
            // The owner requests a stop before it closes `stop`, so the request is handled first.
            () = stop, if sees.request && !sees.stop => Wake::StopCalled,
            () = cut, if sees.stop && !sees.cut => Wake::Cut,
            ended = resolved(external) => Wake::External(ended),
            request = requested(members) => Wake::Member(request),
            () = notified.as_mut() => Wake::Notified,
            () = elapsed(sleep.as_mut()) => Wake::Alarm,
        };
        if matches!(wake, Wake::Notified) {
            sources.was_notified();
        }
        wake
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
            inner.alarm.notify_one();
        }
    }

    /// Passes the event on. Returns news that take a wait, so that the others don't pay for its future.
    fn hear(&mut self, event: SupervisorEvent, now: Instant) -> Option<(usize, RunnerNews)> {
        let (service, news) = match event {
            SupervisorEvent::Runner { service, news } => (service, news),
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
                if !self.application.is_followed() {
                    // A drain for a restart that was cancelled, or one behind a decorator, has left its items.
                    self.application.end_queues_of(service);
                }
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

    /// All services are down: waits until their tasks are gone, drops the listener and the subscribers,
    /// and makes the outcome.
    async fn finish(mut self, mut tasks: ServiceTasks) -> Outcome {
        let ending = std::mem::take(&mut tasks.ending);
        for task in tasks.running.drain(..).flatten().chain(ending) {
            // An error means that the task was aborted, so it has ended too.
            let _ = task.await;
        }
        for (service, task) in std::mem::take(&mut tasks.leaving) {
            self.await_leaving(service, task).await;
        }
        if let Some(leases) = self.leases.take() {
            leases.ended(self.engine.deadline()).await;
        }
        self.application.record().ended = Some(Instant::now());
        // A reload under way ends by the request to stop.
        drop(self.application.reloads.lock().await);
        self.application.seen().await;
        self.application.end();
        if let Err(fault) = self.drop_stop_on() {
            self.note_panic_of_stop_on(fault);
        }
        self.signals = None;
        self.hangup = None;
        let outcome = conclude::outcome_of(&self.application);
        if !self.application.is_inner() {
            log_safely!(info, totals = %outcome.totals(), "stopped");
        }
        outcome
    }
}

impl Supervisor {
    /// Waits for the destructor of a service that was never started, for as long as the service would have
    /// had to stop.
    async fn await_leaving(&mut self, service: usize, mut task: JoinHandle<()>) {
        let asked = self
            .application
            .record()
            .requested
            .unwrap_or_else(Instant::now);
        let end = self.engine.end_of(service, asked);
        // Several destructors may have the same end, and waiting for the first may have used it up.
        let end = end.map(|end| end.max(Instant::now() + JOIN_GRACE));
        self.tell_alarm(end);
        loop {
            tokio::select! {
                biased;
                _ = &mut task => return,
                // This may be an earlier alarm, so the time is checked below.
                () = self.application.alarm.notified() => {}
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {}
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                break;
            }
        }
        if !task.is_finished() {
            let had = asked.elapsed();
            let on_late = self.engine.on_late(service);
            self.note_late(service, Phase::Drain, had, on_late);
        }
    }
}

impl Drop for Supervisor {
    /// Drops the services without a task, if the runtime ends before their stop. Each is dropped on its own,
    /// because a second panicking destructor would abort the process.
    fn drop(&mut self) {
        for index in 0..self.services.len() {
            let kept = self.kept.remove(&index);
            if let Some(service) = kept.or_else(|| self.services[index].take()) {
                drop(self.unstarted(index, service));
            }
        }
    }
}
