//! The one task of a registry: it feeds the engine with what happens and carries out what the
//! engine says.

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
use crate::panics::{self, Contained, Panic, log_safely};
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
/// The engine is changed by this task alone, and every list of its commands is carried out before it hears of
/// anything else, so it never decides on a state that is not shown yet. The reports of one run come through one
/// channel in their order, `Down` last: what comes after it is of the next run, which is made only when the
/// engine says `Start`.
///
/// No wake-up is lost: each source that the loop waits for keeps what has happened (a channel its messages, a
/// latch that it is closed, `Notify` its permit), and the alarm is asked for anew each time. The request is looked
/// at before the reports, so nothing is started by a report that comes after it. Alarms ring only when the inbox is
/// empty: what has ended by that instant is not late.
///
/// A value is in `services` until its first start, in `kept` between two runs, and otherwise with its task.
pub(crate) struct Supervisor {
    pub(crate) application: Arc<Application>,
    pub(crate) inbox: UnboundedReceiver<SupervisorEvent>,
    pub(crate) engine: Engine,
    pub(crate) services: Vec<Option<Box<dyn Service>>>,
    /// Those that are down, or about to be, and wait for another run.
    pub(crate) kept: BTreeMap<usize, Box<dyn Service>>,
    pub(crate) stop_on: Option<StopOn>,
    /// Holds the signal handlers until all is over.
    pub(crate) signals: Option<Listener>,
    /// The alarm the watchdog knows of.
    pub(crate) told_alarm: Option<Instant>,
}

/// What the loop of [`Supervisor::run`] wakes for.
enum Wake {
    RunnerNews,
    Requested(Reason),
    StopCalled,
    Cut,
    External(Result<(), Panic>),
    Alarm,
}

/// Which of the gates that close once the loop has seen closed.
#[derive(Clone, Copy, Default)]
struct Seen {
    request: bool,
    stop: bool,
    cut: bool,
}

/// How many events are taken from the inbox at once; about as many commands come of them.
const BATCH: usize = 256;

impl Supervisor {
    pub(crate) async fn run(mut self) -> Outcome {
        let mut tasks = Tasks::new(self.services.len());
        let mut events = Vec::with_capacity(BATCH);
        let mut commands = Vec::new();
        let mut sees = Seen::default();

        let begun = Instant::now();
        // Asked before it began, or by a signal that was kept for this run: nothing is started, so there is
        // no delay either.
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
            // What many alarms at once come to is a long list, and mostly the last one.
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
            // What has happened by now counts before the time that has passed.
            if self.inbox.is_empty() {
                self.engine.ring(now);
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
            // Before the news: what is ready by now must not start its dependents any more.
            reason = self.application.request.made(), if !sees.request => Wake::Requested(reason),
            _ = self.inbox.recv_many(events, BATCH) => Wake::RunnerNews,
            // A stop is a request first, and only then a stop.
            () = self.application.stop.closed(), if sees.request && !sees.stop => Wake::StopCalled,
            () = self.application.cut.closed(), if sees.stop && !sees.cut => Wake::Cut,
            ended = resolved(external) => Wake::External(ended),
            () = self.application.alarm.notified() => Wake::Alarm,
            () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => Wake::Alarm,
        }
    }

    /// The future of `stop_on` has resolved, or has panicked.
    fn external(&mut self, ended: Result<(), Panic>) {
        match ended.and(self.drop_stop_on()) {
            Ok(()) => self.application.ask_to_stop(Reason::External),
            Err(panic) => self.note_panic_outside(panic),
        }
    }

    /// Its destructor is user code as well.
    fn drop_stop_on(&mut self) -> Result<(), Panic> {
        let stop_on = self.stop_on.take();
        panics::catch(|| drop(stop_on))
    }

    fn note_panic_outside(&self, Panic(message): Panic) {
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

    /// A thread that blocks may have the runtime's clock with it, so the watchdog keeps the time too.
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

    async fn hear(&mut self, event: SupervisorEvent, now: Instant, tasks: &mut Tasks) {
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

    /// Whether this is no failure, because the service only did what it was asked to do: it ended, or
    /// says that the application is stopping.
    async fn is_due_to_the_stop(&mut self, error: &ServiceError) -> bool {
        let ends_with_the_stop = match error.fault() {
            Fault::ExitedEarly | Fault::NeverReady => true,
            // What a drain has not flushed is lost, whatever the reason.
            Fault::Error(_) if error.phase() == Phase::Drain => false,
            Fault::Error(cause) => self.application.is_the_stop(cause),
            _ => false,
        };
        ends_with_the_stop && self.is_asked_to_stop().await
    }

    /// Whether anything has asked for the stop by now.
    ///
    /// # Invariants
    ///
    /// A service may see the cause of a stop before this loop does: a token that it shares with
    /// `stop_on`, a signal that it handles as well, the failure of another service. Its report comes
    /// after that cause, so everything that can ask is looked at once the report was received, and not
    /// only what has come through:
    ///
    /// - the engine knows of each failure whose report came before this one;
    /// - a future that is ready before the service returns is ready when it is polled now;
    /// - the handler of a signal notes the number before its thread passes it on, so one of the two
    ///   is seen: the number, or the request, which is looked at last.
    ///
    /// A thread may be in the middle of asking: a token tells its children before itself. Nothing but
    /// that thread can say so, so it gets a [`ASKING_GRACE`] of real time, which a test's paused clock does
    /// not see.
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

    /// Passes on what has asked and has not come through.
    async fn has_request(&mut self) -> bool {
        if self.application.request.reason().is_none() {
            if let Poll::Ready(ended) = self.look_outside().await {
                self.external(ended);
            } else if let Some(signal) = self.signals.as_ref().and_then(Listener::delivered) {
                self.application.ask_to_stop(Reason::Signal(signal));
            }
        }
        self.application.request.reason().is_some()
    }

    /// Looks once, whatever is left of what tokio grants this turn.
    async fn look_outside(&mut self) -> Poll<Result<(), Panic>> {
        let mut external = pin!(unconstrained(resolved(self.stop_on.as_mut())));
        poll_fn(|task| Poll::Ready(external.as_mut().poll(task))).await
    }

    fn left(&mut self, service: usize, error: &ServiceError) {
        log_safely!(debug, service = %error.service(), %error, "ended with the stop");
        // A task that has ended says nothing of `start`.
        if error.phase() != Phase::Task {
            self.engine.left(service);
        }
    }

    fn requested(&mut self, reason: &Reason, now: Instant, hurry: bool) {
        log_safely!(info, reason = %reason, "stopping");
        // The runtime may have been too busy to hear of it at once; the deadline counts all the same.
        let asked = self
            .application
            .request
            .asked_at()
            .map_or(now, |asked| asked.min(now));
        self.application.record().requested = Some(asked);
        // A person at the terminal, or an application that has failed, has no load balancer to wait
        // for.
        let hurry = hurry
            || matches!(
                reason,
                Reason::Signal(Signal::INTERRUPT)
                    | Reason::Failure(_)
                    | Reason::ExternalPanicked(_)
            );
        self.engine.requested(asked, now, hurry);
    }

    async fn carry_out(&mut self, command: Command, tasks: &mut Tasks) {
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
                let services = self.services.len();
                log_safely!(info, services, "healthy");
                self.application.set_health(Health::Healthy);
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

    /// The service's task does not let go of its thread. What it has spawned still can, and does so
    /// before anything it depends on is stopped.
    async fn give_up(&mut self, service: usize, had: Duration, tasks: &mut Tasks) {
        let instance = &self.application.instances[service];
        self.note_late(service, instance.phase(), had);
        tasks.abandon(service);
        instance.end_queue();
        let Some(run) = instance.run() else { return };
        run.tasks.close();
        let inner = run.tasks.take_runs();
        nested::stop(&inner);
        nested::cut(&inner);
        // Some of them may block their thread as well.
        let gone = async {
            poll_fn(|task| run.tasks.poll_gone(task)).await;
            nested::gone(&inner).await;
        };
        let _ = timeout(JOIN_GRACE, gone).await;
        instance.close_log(&run);
    }

    /// Lets go of a service that was never started, if it is one. Its destructor is the only code of it that
    /// runs, and may block: it has a thread where it holds up nobody.
    fn abandon(&mut self, index: usize, tasks: &mut Tasks) {
        let Some(service) = self.services[index].take() else {
            return;
        };
        if service.__nature(Sealed::OPEN).task_need == TaskNeed::Never {
            // There is no destructor.
            return;
        }
        let unstarted = self.unstarted(index, service);
        // A runtime that ends drops what it does not run any more.
        let task = spawn_blocking(move || drop(unstarted));
        tasks.leaving.push((index, task));
    }

    fn unstarted(&self, index: usize, service: Box<dyn Service>) -> Unstarted {
        let cx = Context::new(self.application.clone(), Run::new(), index);
        let service = Some(service);
        Unstarted { service, cx }
    }

    fn start(&mut self, index: usize, tasks: &mut Tasks) {
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

    fn stop(&mut self, index: usize, times: Option<StopTimes>, tasks: &mut Tasks) {
        if let Some(service) = self.services[index].take() {
            self.stop_without_task(index, service, times, tasks);
        } else if let Some(run) = self.run_of(index) {
            self.order_stop(index, &run, times);
        } else if self.kept.contains_key(&index) {
            self.application
                .report(index, RunnerNews::Down { is_kept: true });
        }
    }

    /// Another run is to follow the one that is now stopped, or is not to follow after all.
    fn keep(&mut self, index: usize, keeps: bool) {
        if let Some(run) = self.run_of(index) {
            run.keeps_service.store(keeps, Ordering::Release);
        } else if let Some(service) = self.services[index].take_if(|_| keeps) {
            // It has no task that could hand it back.
            self.kept.insert(index, service);
        }
    }

    /// The task of a run that is over hands its service back: it has said so, and has nothing else to do.
    async fn take_back(&mut self, index: usize, tasks: &mut Tasks) {
        if let Some(task) = tasks.running[index].take() {
            let kept = task.await.ok().flatten();
            let service = kept.and_then(Contained::into_inner);
            self.kept.extend(service.map(|service| (index, service)));
        }
    }

    /// No run follows: what was kept for one is dropped, in a task, since that is code.
    fn discard(&mut self, index: usize, times: Option<StopTimes>, tasks: &mut Tasks) {
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
        tasks: &mut Tasks,
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

    /// Everything is down: waits for the tasks to be gone, lets go of signals and subscribers, and
    /// says how it went.
    async fn finish(mut self, mut tasks: Tasks) -> Outcome {
        for task in tasks.running.drain(..).flatten() {
            // Each has reported its end; a task that was aborted from outside has ended as well.
            let _ = task.await;
        }
        for (service, task) in std::mem::take(&mut tasks.leaving) {
            self.await_leaving(service, task).await;
        }
        self.application.record().ended = Some(Instant::now());
        self.application.end();
        if let Err(fault) = self.drop_stop_on() {
            self.note_panic_outside(fault);
        }
        self.signals = None;
        let outcome = conclude::outcome_of(&self.application);
        log_safely!(info, totals = %outcome.totals(), "stopped");
        outcome
    }
}

impl Supervisor {
    /// Waits for the destructor of a service that was never started, as long as the service would have had
    /// for its stop.
    async fn await_leaving(&mut self, service: usize, mut task: JoinHandle<()>) {
        let asked = self
            .application
            .record()
            .requested
            .unwrap_or_else(Instant::now);
        let end = self.engine.end_of(service, asked);
        // Those of many may end at the same time, and the first was waited for until then.
        let end = end.map(|end| end.max(Instant::now() + JOIN_GRACE));
        self.tell_alarm(end);
        loop {
            tokio::select! {
                biased;
                _ = &mut task => return,
                // It may be an earlier one.
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
    /// The services that have no task, when the runtime ends under them: each destructor by itself, or
    /// the second that panics would be the end of the process.
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
struct Tasks {
    /// By index; none where the service was not started or was given up.
    running: Vec<Option<JoinHandle<Kept>>>,
    /// Those that drop services which were never started.
    leaving: Vec<(usize, JoinHandle<()>)>,
}

impl Tasks {
    fn new(services: usize) -> Self {
        Self {
            running: std::iter::repeat_with(|| None).take(services).collect(),
            leaving: Vec::new(),
        }
    }

    /// Of a task that has ended, while others are still to be waited for; otherwise that is done at
    /// the end of all.
    fn let_go(&mut self, service: usize) {
        self.running[service].take_if(|task| task.is_finished());
    }

    /// The task is dropped as soon as it lets go of its thread; nothing waits for that.
    fn abandon(&mut self, service: usize) {
        if let Some(task) = self.running[service].take() {
            task.abort();
        }
    }
}

impl Drop for Tasks {
    /// A supervisor that is gone before its time leaves nobody behind.
    fn drop(&mut self) {
        for task in self.running.iter().flatten() {
            task.abort();
        }
    }
}

/// Resolves with the future, or with its panic; never, when there is none.
async fn resolved(future: Option<&mut StopOn>) -> Result<(), Panic> {
    match future {
        Some(future) => poll_fn(|task| panics::catch_poll(future.as_mut(), task)).await,
        None => std::future::pending().await,
    }
}
