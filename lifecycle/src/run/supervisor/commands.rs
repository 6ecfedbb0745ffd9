//! Carries out the engine's commands.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Supervisor;
use super::tasks::ServiceTasks;
use crate::engine::graces::JOIN_GRACE;
use crate::engine::{Command, StopCause, StopTimes};
use crate::panics::CatchOnDrop;
use crate::report::event::EventKind;
use crate::report::reason::Reason;
use crate::report::status::{OnLate, Phase, Shape, State};
use crate::run::service_task::{self, RunPart};
use crate::run::unstarted::Unstarted;
use crate::shape::service::{Nature, Sealed, Service, TaskNeed};
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::health::Health;
use crate::shared::moments::Now;
use crate::shared::nested;
use crate::shared::orders::Orders;
use crate::shared::run::Run;
use crate::shared::runner_news::RunnerNews;

/// A service that blocks its thread.
pub(super) struct GivenUp {
    service: usize,
    run: Option<Arc<Run>>,
    /// The registries that it has started.
    inner: Vec<Arc<Application>>,
}

impl Supervisor {
    /// Returns the service that was given up, if one was: its tasks may still end, which callers must await.
    pub(super) fn carry_out(
        &mut self,
        command: Command,
        now: Now,
        tasks: &mut ServiceTasks,
    ) -> Option<GivenUp> {
        match command {
            Command::Move(service, to) => {
                self.application.move_to(service, to, now);
                self.answer_restarts(service, to);
                if let Some(systemd) = &mut self.systemd {
                    systemd.moved();
                }
                self.answer_add(service, to);
                if matches!(to, State::Backoff | State::Standby) {
                    self.application.instance(service).leave_run();
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
                    // A drain may wait for its end. A `start` is not polled for that.
                    if run.exited.is_closed() {
                        run.orders.wake();
                    }
                }
                if let Some(inner) = self.application.instance(service).inner() {
                    inner.limit_time(times.end);
                }
            }
            Command::Cut(service) => self.order(service, Orders::DROP_RUN),
            Command::End(service) => self.order(service, Orders::DROP_ALL),
            Command::GiveUp(service, had, on_late) => {
                return Some(self.give_up(service, had, on_late, tasks));
            }
            Command::Fail(service, failure, used_up) => {
                self.note_failure(service, failure, used_up);
            }
            Command::Mend(service, failure, planned) => self.mend(service, failure, planned),
            Command::Note(service, failure) => self.note_further(service, failure),
            Command::StartsAt(service, at) => {
                let instance = self.application.instance(service);
                instance.make_restarts().starts_at(at);
            }
            Command::RestartsWith(service, other) => self.tell_of_restart(service, other),
            Command::ForgetRestarts(service) => {
                let instance = self.application.instance(service);
                instance.make_restarts().forget();
            }
            Command::NoteLate(service, phase, had, on_late) => {
                self.note_late(service, phase, had, on_late);
            }
            Command::SeekLease(service) => self.seek_lease(service),
            Command::EndLease(service, gives_back) => self.end_lease(service, gives_back),
            Command::Removed(member) => self.removed(member),
            Command::AllUp => {
                self.application.set_health(Health::Healthy);
                // Told after the change, so that code that waits for the line finds the application healthy.
                let services = self.services.len();
                self.application
                    .tell_of_all(EventKind::Healthy { services });
                if let Some(systemd) = &mut self.systemd {
                    systemd.ready(&self.application, now.at);
                }
            }
            Command::NotAllUp => self.application.set_health(Health::pending()),
            Command::Request(StopCause::Finished) => self.application.ask_to_stop(Reason::Finished),
            Command::Request(StopCause::Failed(service)) => {
                if let Some(error) = self.application.instance(service).error.get() {
                    self.application.ask_to_stop(Reason::Failure(error.clone()));
                }
            }
        }
        None
    }

    /// The service is restarted by hand, or with the other one.
    fn tell_of_restart(&self, service: usize, other: Option<usize>) {
        self.application.instance(service).make_restarts().add();
        let planned = EventKind::RestartPlanned {
            wait: Duration::ZERO,
            number: None,
            limit: None,
            error: None,
            with: other.map(|other| self.application.instance(other).name.clone()),
        };
        self.application.tell(service, planned);
    }

    pub(super) fn run_of(&self, service: usize) -> Option<Arc<Run>> {
        self.application.instance(service).run()
    }

    pub(super) fn order(&self, service: usize, order: u8) {
        if let Some(run) = self.run_of(service) {
            run.orders.give(order);
        }
    }

    /// Goes on without a service that blocks its thread.
    fn give_up(
        &mut self,
        service: usize,
        had: Duration,
        on_late: OnLate,
        tasks: &mut ServiceTasks,
    ) -> GivenUp {
        let instance = self.application.instance(service);
        self.note_late(service, instance.phase(), had, on_late);
        tasks.abandon(service);
        instance.end_queue();
        let run = instance.run();
        let Some(open) = &run else {
            return GivenUp {
                service,
                run,
                inner: Vec::new(),
            };
        };
        open.tasks.close();
        let inner = open.tasks.take_runs();
        nested::stop(&inner);
        nested::cut(&inner);
        GivenUp {
            service,
            run,
            inner,
        }
    }

    /// The tasks that the service has spawned may still end, so the supervisor waits for them before it stops the
    /// service's dependencies.
    pub(super) async fn await_left(&mut self, left: GivenUp) {
        let GivenUp {
            service,
            run,
            inner,
        } = left;
        let Some(run) = run else { return };
        // Some of these tasks may block their threads as well.
        let gone = async {
            poll_fn(|task| run.tasks.poll_gone(task)).await;
            nested::gone(&inner).await;
        };
        let _ = timeout(JOIN_GRACE, gone).await;
        self.application.instance(service).close_log(&run);
    }

    /// Drops a service that was never started. Only its destructor runs, and that may block, so it runs on a
    /// thread for blocking code.
    pub(super) fn abandon(&mut self, index: usize, tasks: &mut ServiceTasks) {
        let Some(service) = self.services[index].take() else {
            return;
        };
        if service.__nature(Sealed::OPEN).task_need == TaskNeed::Never {
            // There is no destructor.
            return;
        }
        if self.application.is_followed() {
            // The registry keeps it for another run.
            return;
        }
        let unstarted = self.unstarted(index, service);
        // A runtime that ends before this runs drops the closure, and the service with it.
        let task = spawn_blocking(move || drop(unstarted));
        tasks.leaving.push((index, task));
    }

    pub(super) fn unstarted(&self, index: usize, service: Arc<dyn Service>) -> Unstarted {
        let cx = Context::new(
            self.application.clone(),
            Run::of(self.application.instance(index).member()),
            index,
        );
        let service = Some(service);
        Unstarted { service, cx }
    }

    pub(super) fn start(&mut self, index: usize, tasks: &mut ServiceTasks) {
        let kept = self.kept.remove(&index);
        let Some(service) = kept.or_else(|| self.services[index].take()) else {
            return;
        };
        // What another run was to mend is mended by now.
        self.forget_mended(index);
        let Nature {
            shape, task_need, ..
        } = service.__nature(Sealed::OPEN);
        if task_need == TaskNeed::Always {
            let run = self.begin_run(index);
            if shape == Shape::Custom {
                run.set_custom();
            }
            self.spawn(index, run, service, RunPart::Whole, tasks);
        } else {
            self.start_without_code(index, service, task_need, tasks);
        }
    }

    pub(super) fn stop(
        &mut self,
        index: usize,
        times: Option<StopTimes>,
        tasks: &mut ServiceTasks,
    ) {
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
    pub(super) fn keep(&mut self, index: usize, keeps: bool) {
        if let Some(run) = self.run_of(index) {
            let forgives = self.engine.on_late(index) == OnLate::Ignore;
            run.forgives_late.store(forgives, Ordering::Relaxed);
            run.keeps_service.store(keeps, Ordering::Release);
        } else if let Some(service) = self.services[index].take_if(|_| keeps) {
            // The service has no task that could hand it back.
            self.kept.insert(index, service);
        }
    }

    /// Takes the service back from the task of a run that is over. The task has reported `Down`, so it ends
    /// at once.
    pub(super) async fn take_back(&mut self, index: usize, tasks: &mut ServiceTasks) {
        if let Some(task) = tasks.running[index].take() {
            let kept = task.await.ok().flatten();
            let service = kept.and_then(CatchOnDrop::into_inner);
            self.kept.extend(service.map(|service| (index, service)));
        }
    }

    /// Drops a service that was kept for another run, in a task, because its destructor is user code.
    pub(super) fn discard(
        &mut self,
        index: usize,
        times: Option<StopTimes>,
        tasks: &mut ServiceTasks,
    ) {
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
        self.spawn(index, run, service, RunPart::Drop, tasks);
    }

    pub(super) fn order_stop(&self, index: usize, run: &Run, times: Option<StopTimes>) {
        run.set_stop_times(times);
        self.application.instance(index).close_stop_channel(run);
        run.orders.give(Orders::STOP);
    }

    pub(super) fn begin_run(&self, index: usize) -> Arc<Run> {
        let instance = self.application.instance(index);
        let run = Run::of(instance.member());
        instance.begin_run(&run);
        if let Some(leases) = self.application.leases.get() {
            leases.begin_run(index, &run);
        }
        run
    }

    pub(super) fn spawn(
        &self,
        index: usize,
        run: Arc<Run>,
        service: Arc<dyn Service>,
        part: RunPart,
        tasks: &mut ServiceTasks,
    ) {
        let cx = Context::new(self.application.clone(), run, index);
        tasks.running[index] = Some(tokio::spawn(service_task::run(cx, service, part)));
    }
}
