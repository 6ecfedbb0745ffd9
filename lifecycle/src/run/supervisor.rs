//! The task of a registry: it passes events to the engine and carries out the engine's commands.

mod without_task;

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant as WallInstant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::unconstrained;
use tokio::task::{JoinHandle, spawn_blocking, yield_now};
use tokio::time::{Instant, sleep_until, timeout};

use crate::engine::graces::{ASKING_GRACE, JOIN_GRACE};
use crate::engine::{Command, Engine, Failure, StopCause, StopTimes};
use crate::panics::{self, CatchOnDrop, Panic, log_safely};
use crate::report::error::{Fault, ServiceError};
use crate::report::outcome::{Laggard, Outcome};
use crate::report::reason::{Reason, Signal};
use crate::report::status::OnFailure;
use crate::report::status::{Phase, State};
use crate::run::conclude;
use crate::run::plan::StopOn;
use crate::run::runner::{self, Kept, Part};
use crate::run::signals::Listener;
use crate::run::unstarted::Unstarted;
use crate::shape::service::{Sealed, Service, TaskNeed};
use crate::shared::application::{Application, Health, RunnerNews, SupervisorEvent};
use crate::shared::context::Context;
use crate::shared::nested;
use crate::shared::orders::Orders;
use crate::shared::request::WatchdogMessage;
use crate::shared::run::Run;

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
    pub(crate) services: Vec<Option<Box<dyn Service>>>,
    /// The services that wait for another run.
    pub(crate) kept: BTreeMap<usize, Box<dyn Service>>,
    pub(crate) stop_on: Option<StopOn>,
    /// Listens for signals until the run is over.
    pub(crate) signals: Option<Listener>,
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
    Alarm,
}

/// Which latches the loop has seen closed. Each closes only once, so the loop must not wait for it again.
#[derive(Clone, Copy, Default)]
struct Seen {
    request: bool,
    stop: bool,
    cut: bool,
}

/// How many events are taken from the inbox at once.
const BATCH: usize = 256;

impl Supervisor {
    pub(crate) async fn run(mut self) -> Outcome {
        let mut tasks = ServiceTasks::new(self.services.len());
        let mut events = Vec::with_capacity(BATCH);
        let mut commands = Vec::new();
        let mut sees = Seen::default();

        let begun = Instant::now();
        // The stop was requested before the start, or by a signal that was kept for this run. No service
        // starts, so there is no shutdown delay.
        if let Some(reason) = self.application.request.reason().cloned() {
            sees.request = true;
            self.requested(&reason, begun, true);
        }
        self.engine.begin(begun);
        loop {
            self.engine.take_commands(&mut commands);
            while !commands.is_empty() {
                for command in commands.drain(..) {
                    self.carry_out(command, &mut tasks).await;
                }
                self.engine.take_commands(&mut commands);
            }
            // A burst of alarms grows this buffer; shrink it afterwards.
            commands.shrink_to(BATCH);
            if self.engine.is_over() {
                break;
            }
            let wake = self.wake(&mut events, sees).await;
            let now = Instant::now();
            match wake {
                Wake::RunnerNews => {
                    for event in events.drain(..) {
                        self.hear(event, now, &mut tasks).await;
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
                Wake::Alarm => {}
            }
            // Events in the inbox happened before this instant, so they are handled before its alarms.
            if self.inbox.is_empty() {
                self.engine.handle_alarms(now);
            }
        }
        self.finish(tasks).await
    }

    async fn wake(&mut self, events: &mut Vec<SupervisorEvent>, sees: Seen) -> Wake {
        let alarm = self.engine.next_alarm();
        if sees.request {
            self.tell_alarm(alarm);
        }
        let external = self.stop_on.as_mut();
        tokio::select! {
            biased;
            // Before the runners' news: a service that is ready now must not start its dependents.
            reason = self.application.request.made(), if !sees.request => Wake::Requested(reason),
            _ = self.inbox.recv_many(events, BATCH) => Wake::RunnerNews,
            // The owner requests a stop before it closes `stop`, so the request is handled first.
            () = self.application.stop.closed(), if sees.request && !sees.stop => Wake::StopCalled,
            () = self.application.cut.closed(), if sees.stop && !sees.cut => Wake::Cut,
            ended = resolved(external) => Wake::External(ended),
            () = self.application.alarm.notified() => Wake::Alarm,
            () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => Wake::Alarm,
        }
    }

    /// The `stop_on` future has resolved or panicked.
    fn external(&mut self, ended: Result<(), Panic>) {
        match ended.and(self.drop_stop_on()) {
            Ok(()) => self.application.ask_to_stop(Reason::External),
            Err(panic) => self.note_panic_of_stop_on(panic),
        }
    }

    /// Drops the `stop_on` future, whose destructor is user code.
    fn drop_stop_on(&mut self) -> Result<(), Panic> {
        let stop_on = self.stop_on.take();
        panics::catch(|| drop(stop_on))
    }

    fn note_panic_of_stop_on(&self, Panic(message): Panic) {
        let message: Arc<str> = message.into();
        let reason = Reason::ExternalPanicked(message.clone());
        panics::log_safely!(error, %reason, "failed");
        {
            let mut record = self.application.record();
            record.has_fatal = true;
            record.external_panic = Some(message);
        }
        self.application.ask_to_stop(reason);
    }

    /// Tells the watchdog of the next alarm: a blocked thread may hold up the runtime's clock.
    fn tell_alarm(&mut self, alarm: Option<Instant>) {
        if alarm != self.told_alarm {
            self.told_alarm = alarm;
            if let Some(alarm) = alarm {
                let wait = alarm.saturating_duration_since(Instant::now());
                self.application
                    .request
                    .tell_watchdog(WatchdogMessage::Alarm(wait));
            }
        }
    }

    async fn hear(&mut self, event: SupervisorEvent, now: Instant, tasks: &mut ServiceTasks) {
        let SupervisorEvent { service, news } = event;
        match news {
            RunnerNews::Oneshot => self.engine.is_oneshot(service),
            RunnerNews::Ready => self.engine.ready(service, now),
            RunnerNews::Failed(error) if self.is_due_to_the_stop(&error).await => {
                self.left(service, &error);
            }
            RunnerNews::Failed(error) => self.engine.failed(service, Failure::Reported(error), now),
            RunnerNews::Late(phase) => self.engine.late(service, phase, now),
            RunnerNews::Restart(wait) => self.engine.restart(service, wait, now),
            RunnerNews::Down { is_kept } => {
                if is_kept {
                    self.take_back(service, tasks).await;
                }
                self.engine.down(service, is_kept, now);
            }
        }
    }

    /// Whether the error is no failure, because a stop was requested and the service has only ended, or
    /// reports that the application is stopping.
    async fn is_due_to_the_stop(&mut self, error: &ServiceError) -> bool {
        let ends_with_the_stop = match error.fault() {
            Fault::ExitedEarly | Fault::NeverReady => true,
            // Data that a drain has not flushed is lost, whatever the reason.
            Fault::Error(_) if error.phase() == Phase::Drain => false,
            Fault::Error(cause) => self.application.is_the_stop(cause),
            _ => false,
        };
        ends_with_the_stop && self.is_asked_to_stop().await
    }

    /// Whether a stop has been requested.
    ///
    /// # Invariants
    ///
    /// A service may see the cause of a stop before this loop does: a token that it shares with
    /// `stop_on`, a signal that it handles too, the failure of another service. The cause precedes the
    /// service's report. So after the report this checks every source of a request directly:
    ///
    /// - the engine knows of each failure that was reported before;
    /// - a `stop_on` future that was ready before the service returned is ready when it is polled now;
    /// - a signal's handler notes the signal before its thread makes the request. So either the note is
    ///   found here, or the request, which is read last.
    ///
    /// A thread may be just requesting the stop: a cancellation token, for example, cancels its children
    /// before it is cancelled itself. Only that thread knows, so this waits for it, for
    /// [`ASKING_GRACE`] of real time, which does not count on a test's paused clock.
    async fn is_asked_to_stop(&mut self) -> bool {
        let mut until = None;
        loop {
            if self.engine.is_stopping() || self.has_request().await {
                return true;
            }
            let others_ask = self.stop_on.is_some() || self.signals.is_some();
            let now = WallInstant::now();
            if !others_ask || *until.get_or_insert(now + ASKING_GRACE) <= now {
                return false;
            }
            std::thread::yield_now();
            yield_now().await;
        }
    }

    /// Makes a request that another source has caused and not made yet. Returns whether there is one.
    async fn has_request(&mut self) -> bool {
        if self.application.request.reason().is_none() {
            if let Poll::Ready(ended) = self.poll_stop_on().await {
                self.external(ended);
            } else if let Some(signal) = self.signals.as_ref().and_then(Listener::delivered) {
                self.application.ask_to_stop(Reason::Signal(signal));
            }
        }
        self.application.request.reason().is_some()
    }

    /// Polls the `stop_on` future once, even if tokio's budget for this task is used up.
    async fn poll_stop_on(&mut self) -> Poll<Result<(), Panic>> {
        let mut external = pin!(unconstrained(resolved(self.stop_on.as_mut())));
        poll_fn(|task| Poll::Ready(external.as_mut().poll(task))).await
    }

    fn left(&mut self, service: usize, error: &ServiceError) {
        log_safely!(debug, service = %error.service(), %error, "ended with the stop");
        // The end of a spawned task does not mean that `start` has returned.
        if error.phase() != Phase::Task {
            self.engine.left(service);
        }
    }

    fn requested(&mut self, reason: &Reason, now: Instant, hurry: bool) {
        log_safely!(info, reason = %reason, "stopping");
        // The deadline counts from the request, though a busy runtime may have delayed this.
        let asked = self
            .application
            .request
            .asked_at()
            .map_or(now, |asked| asked.min(now));
        self.application.record().requested = Some(asked);
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

    async fn carry_out(&mut self, command: Command, tasks: &mut ServiceTasks) {
        match command {
            Command::Move(service, to) => {
                self.application.move_to(service, to);
                if to == State::Backoff {
                    self.application.instances[service].leave_run();
                }
                if to.is_final() {
                    self.abandon(service, tasks);
                    tasks.let_go(service);
                }
            }
            Command::Start(service) => self.start(service, tasks),
            Command::Keep(service, keeps) => self.keep(service, keeps),
            Command::Stop(service, times) => self.stop(service, times, tasks),
            Command::Discard(service, times) => self.discard(service, times, tasks),
            Command::Shorten(service, times) => {
                if let Some(run) = self.run_of(service) {
                    run.set_stop_times(Some(times));
                }
            }
            Command::Cut(service) => self.order(service, Orders::DROP_RUN),
            Command::End(service) => self.order(service, Orders::DROP_ALL),
            Command::GiveUp(service, had) => self.give_up(service, had, tasks).await,
            Command::Fail(service, failure) => self.note_failure(service, failure),
            Command::NoteLate(service, phase, had) => self.note_late(service, phase, had),
            Command::AllUp => {
                self.application.set_health(Health::Healthy);
                // After it is true, so that a probe that waits for the line finds it so.
                let services = self.services.len();
                log_safely!(info, services, "healthy");
            }
            Command::NotAllUp => self.application.set_health(Health::pending()),
            Command::Request(StopCause::Finished) => self.application.ask_to_stop(Reason::Finished),
            Command::Request(StopCause::Failed(service)) => {
                if let Some(error) = self.application.instances[service].error.get() {
                    self.application.ask_to_stop(Reason::Failure(error.clone()));
                }
            }
        }
    }

    fn run_of(&self, service: usize) -> Option<Arc<Run>> {
        self.application.instances[service].run()
    }

    fn order(&self, service: usize, order: u8) {
        if let Some(run) = self.run_of(service) {
            run.orders.give(order);
        }
    }

    /// Goes on without a service that blocks its thread. The tasks that it has spawned may still end, so
    /// the supervisor waits for them before it stops the service's dependencies.
    async fn give_up(&mut self, service: usize, had: Duration, tasks: &mut ServiceTasks) {
        let instance = &self.application.instances[service];
        self.note_late(service, instance.phase(), had);
        tasks.abandon(service);
        instance.end_queue();
        let Some(run) = instance.run() else { return };
        run.tasks.close();
        let inner = run.tasks.take_runs();
        nested::stop(&inner);
        nested::cut(&inner);
        // Some of these tasks may block their threads as well.
        let gone = async {
            poll_fn(|task| run.tasks.poll_gone(task)).await;
            nested::gone(&inner).await;
        };
        let _ = timeout(JOIN_GRACE, gone).await;
        instance.close_log(&run);
    }

    /// Drops a service that was never started. Only its destructor runs, and that may block, so it runs on a
    /// thread for blocking code.
    fn abandon(&mut self, index: usize, tasks: &mut ServiceTasks) {
        let Some(service) = self.services[index].take() else {
            return;
        };
        if service.__nature(Sealed::OPEN).task_need == TaskNeed::Never {
            // There is no destructor.
            return;
        }
        let unstarted = self.unstarted(index, service);
        // A runtime that ends before this runs drops the closure, and the service with it.
        let task = spawn_blocking(move || drop(unstarted));
        tasks.leaving.push((index, task));
    }

    fn unstarted(&self, index: usize, service: Box<dyn Service>) -> Unstarted {
        let cx = Context::new(self.application.clone(), Run::new(), index);
        let service = Some(service);
        Unstarted { service, cx }
    }

    fn start(&mut self, index: usize, tasks: &mut ServiceTasks) {
        let kept = self.kept.remove(&index);
        let Some(service) = kept.or_else(|| self.services[index].take()) else {
            return;
        };
        let task_need = service.__nature(Sealed::OPEN).task_need;
        if task_need == TaskNeed::Always {
            let run = self.begin_run(index);
            self.spawn(index, run, service, Part::Whole, tasks);
        } else {
            self.start_without_code(index, service, task_need, tasks);
        }
    }

    fn stop(&mut self, index: usize, times: Option<StopTimes>, tasks: &mut ServiceTasks) {
        if let Some(service) = self.services[index].take() {
            self.stop_without_task(index, service, times, tasks);
        } else if let Some(run) = self.run_of(index) {
            self.order_stop(index, &run, times);
        } else if self.kept.contains_key(&index) {
            self.application
                .report(index, RunnerNews::Down { is_kept: true });
        }
    }

    /// Keeps the service for another run after the one that is being stopped, or no longer does.
    fn keep(&mut self, index: usize, keeps: bool) {
        if let Some(run) = self.run_of(index) {
            run.keeps_service.store(keeps, Ordering::Release);
        } else if let Some(service) = self.services[index].take_if(|_| keeps) {
            // The service has no task that could hand it back.
            self.kept.insert(index, service);
        }
    }

    /// Takes the service back from the task of a run that is over. The task has reported `Down`, so it ends
    /// at once.
    async fn take_back(&mut self, index: usize, tasks: &mut ServiceTasks) {
        if let Some(task) = tasks.running[index].take() {
            let kept = task.await.ok().flatten();
            let service = kept.and_then(CatchOnDrop::into_inner);
            self.kept.extend(service.map(|service| (index, service)));
        }
    }

    /// Drops a service that was kept for another run, in a task, because its destructor is user code.
    fn discard(&mut self, index: usize, times: Option<StopTimes>, tasks: &mut ServiceTasks) {
        let kept = self.kept.remove(&index);
        let Some(service) =
            kept.filter(|kept| kept.__nature(Sealed::OPEN).task_need != TaskNeed::Never)
        else {
            self.application
                .report(index, RunnerNews::Down { is_kept: false });
            return;
        };
        let run = self.begin_run(index);
        run.enter(Phase::Drain);
        self.order_stop(index, &run, times);
        self.spawn(index, run, service, Part::Drop, tasks);
    }

    fn order_stop(&self, index: usize, run: &Run, times: Option<StopTimes>) {
        run.set_stop_times(times);
        self.application.instances[index].close_stop_channel(run);
        run.orders.give(Orders::STOP);
    }

    fn begin_run(&self, index: usize) -> Arc<Run> {
        let run = Run::new();
        self.application.instances[index].begin_run(&run);
        run
    }

    fn spawn(
        &self,
        index: usize,
        run: Arc<Run>,
        service: Box<dyn Service>,
        part: Part,
        tasks: &mut ServiceTasks,
    ) {
        let cx = Context::new(self.application.clone(), run, index);
        tasks.running[index] = Some(tokio::spawn(runner::run(cx, service, part)));
    }

    fn note_failure(&self, service: usize, failure: Failure) {
        let instance = &self.application.instances[service];
        let unstarted = |fault| self.application.error(service, Phase::Startup, fault);
        let error = match failure {
            Failure::Reported(error) => error,
            Failure::StartTimeout(limit) => self.application.start_timeout(service, limit),
            Failure::Dependency(root) => unstarted(Fault::Dependency(
                self.application.instances[root].name.clone(),
            )),
        };
        if let Some(run) = instance.run() {
            run.fail(&error);
        }
        if !instance.keep_failure() {
            return;
        }
        log_safely!(error, service = %instance.name, %error, "failed");
        let _ = instance.error.set(error.clone());
        let counts = instance.on_failure == OnFailure::Shutdown;
        let mut record = self.application.record();
        if counts && !record.has_fatal {
            self.application
                .set_health(Health::Impossible(error.clone()));
        }
        record.has_fatal |= counts;
        record.failures.push(error);
    }

    fn note_late(&self, service: usize, phase: Phase, had: Duration) {
        let name = self.application.instances[service].name.clone();
        log_safely!(error, service = %name, %phase, ?had, "late, dropped");
        let error = self.application.error(service, phase, Fault::Late(had));
        let _ = self.application.instances[service].error.set(error);
        self.application.record().laggards.push(Laggard {
            service: name,
            phase,
            had,
        });
    }

    /// All services are down: waits until their tasks are gone, drops the listener and the subscribers,
    /// and makes the outcome.
    async fn finish(mut self, mut tasks: ServiceTasks) -> Outcome {
        for task in tasks.running.drain(..).flatten() {
            // An error means that the task was aborted, so it has ended too.
            let _ = task.await;
        }
        for (service, task) in std::mem::take(&mut tasks.leaving) {
            self.await_leaving(service, task).await;
        }
        self.application.record().ended = Some(Instant::now());
        self.application.end();
        if let Err(fault) = self.drop_stop_on() {
            self.note_panic_of_stop_on(fault);
        }
        self.signals = None;
        let outcome = conclude::outcome_of(&self.application);
        log_safely!(info, totals = %outcome.totals(), "stopped");
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
            self.note_late(service, Phase::Drain, had);
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

/// The tasks of the services.
struct ServiceTasks {
    /// By service; `None` if the service has no task, or was given up.
    running: Vec<Option<JoinHandle<Kept>>>,
    /// The tasks that drop services which were never started.
    leaving: Vec<(usize, JoinHandle<()>)>,
}

impl ServiceTasks {
    fn new(services: usize) -> Self {
        Self {
            running: std::iter::repeat_with(|| None).take(services).collect(),
            leaving: Vec::new(),
        }
    }

    /// Frees the task of a service that is down, if the task has ended already. Otherwise `finish` does.
    fn let_go(&mut self, service: usize) {
        self.running[service].take_if(|task| task.is_finished());
    }

    /// Aborts a task without waiting for it: it is dropped when it no longer blocks its thread.
    fn abandon(&mut self, service: usize) {
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

/// Resolves when the future does, or with its panic. Without a future it never resolves.
async fn resolved(future: Option<&mut StopOn>) -> Result<(), Panic> {
    match future {
        Some(future) => poll_fn(|task| panics::catch_poll(future.as_mut(), task)).await,
        None => std::future::pending().await,
    }
}
