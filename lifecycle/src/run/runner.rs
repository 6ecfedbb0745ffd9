//! The part of a service's task that is polled: it polls `start`, and `stop` beside it, and waits for the tasks
//! that the service spawned. It obeys the supervisor's orders and reports back.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{self, Poll, ready};

use crate::panics::{self, Panic};
use crate::report::error::{Fault, Result};
use crate::report::status::{Phase, Shape};
use crate::run::service_task::{RunPart, Subject};
use crate::shape::service::BoxFuture;
use crate::shared::failure;
use crate::shared::nested;
use crate::shared::orders::Orders;
use crate::shared::reload::Beside;
use crate::shared::run::Run;
use crate::shared::runner_news::RunnerNews;
use crate::shared::scope::within;

/// The state of the task. With tokio's own part of a task it fits two cache lines: most of the time of a
/// tick is the wait for memory.
#[repr(C)]
pub(super) struct Runner<'a> {
    subject: &'a Subject,
    /// The orders obeyed so far.
    seen: u8,
    /// `start` must be called at the first poll.
    begins: bool,
    /// The orders to drop that were put off once, so that other tasks get their turn first.
    announced: u8,
    /// Orders wake the task.
    listens: bool,
    /// The supervisor was sent news since this task last yielded.
    has_news: bool,
    /// The time to stop is over: a future that does not return at its next poll is dropped.
    ends: bool,
    /// The service's spawned tasks were reported late, which is done once for all of them.
    has_late_tasks: bool,
    start: Option<BoxFuture<'a>>,
    stop: Option<BoxFuture<'a>>,
}

/// What the task does next.
enum Step {
    StartReturned(Result<Result, Panic>),
    TasksGone,
    StopReturned(Result<Result, Panic>),
    OutOfTime,
    Ordered(u8),
}

/// Ready when the service is down. Written as a `poll`, because it is most of what a service costs.
impl Future for Runner<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let Subject { cx, span, .. } = self.subject;
        within(cx.current(), span.as_deref(), || self.poll_steps(task))
    }
}

impl<'a> Runner<'a> {
    pub(super) fn new(subject: &'a Subject, part: RunPart) -> Self {
        Self {
            subject,
            start: None,
            stop: None,
            seen: 0,
            announced: 0,
            begins: part == RunPart::Whole,
            listens: false,
            has_news: false,
            ends: false,
            has_late_tasks: false,
        }
    }

    #[inline]
    fn poll_steps(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        if mem::take(&mut self.begins) {
            self.begin();
        }
        while !self.is_done() {
            let step = ready!(self.poll_step(task));
            self.take(step);
            if mem::take(&mut self.has_news) {
                // Tokio queues a task that was woken here to run next on this thread, and no other thread
                // takes it. The code that is polled next may block this thread, and with it the supervisor.
                // So this task wakes itself and yields: it runs again after the supervisor.
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn begin(&mut self) {
        let Subject { cx, service, .. } = self.subject;
        match panics::catch(|| service.start(cx)) {
            Ok(start) => self.start = Some(start),
            Err(fault) => self.start_returned(Err(fault)),
        }
    }

    #[inline]
    fn is_done(&self) -> bool {
        let stopped = self.seen & Orders::STOP != 0 && self.stop.is_none();
        stopped && self.start.is_none() && self.run().tasks.is_empty()
    }

    /// Orders come last, so that code that can return does: a failure is seen before the service shows as
    /// running, and a service that needs no time to stop is never late.
    ///
    /// `stop` comes first: a `start` that always has work uses up the budget that tokio grants a task in
    /// one turn, and `stop` may be what makes it return.
    #[inline]
    fn poll_step(&mut self, task: &mut task::Context<'_>) -> Poll<Step> {
        if let Some(stop) = &mut self.stop {
            if let Poll::Ready(result) = panics::catch_poll(stop.as_mut(), task) {
                return Poll::Ready(Step::StopReturned(result));
            }
            // Until `exited` closes, `stop` still waits for `start` and the tasks, which are being dropped.
            if self.ends && self.run().exited.is_closed() {
                return Poll::Ready(Step::OutOfTime);
            }
        }
        if let Some(start) = &mut self.start {
            if let Poll::Ready(result) = panics::catch_poll(start.as_mut(), task) {
                return Poll::Ready(Step::StartReturned(result));
            }
        }
        if self.start.is_none() && self.poll_tasks(task).is_ready() {
            return Poll::Ready(Step::TasksGone);
        }
        // Registers the waker before the orders are read: see the invariants of `Orders`. All polls are of one task, so
        // that is done once.
        if !mem::replace(&mut self.listens, true) {
            self.run().orders.listen(task);
        }
        self.poll_orders().map(Step::Ordered)
    }

    /// Ready when the last spawned task is gone and the service waits for that. Called only after `start`
    /// has returned: the end of a task must not be a reason to poll `start`.
    fn poll_tasks(&mut self, task: &task::Context<'_>) -> Poll<()> {
        ready!(self.run().tasks.poll_gone(task));
        if self.run().exited.is_closed() && !self.is_done() {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Reports that the service is ready. That is no step of its own, because `start` has just been polled
    /// and has not failed.
    fn poll_orders(&mut self) -> Poll<u8> {
        let orders = ready!(self.run().orders.poll_beyond(self.seen));
        if orders & !self.seen & Orders::READY == 0 {
            return Poll::Ready(orders);
        }
        self.seen |= Orders::READY;
        self.show_ready();
        let further = self.run().orders.poll_beyond(self.seen);
        self.has_news = further.is_ready();
        further
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::StartReturned(result) => self.start_returned(result),
            Step::TasksGone => {}
            Step::StopReturned(result) => self.stop_returned(result),
            Step::OutOfTime => self.drop_late_stop(),
            Step::Ordered(orders) => self.obey(orders),
        }
        self.close_exited();
    }

    fn start_returned(&mut self, result: Result<Result, Panic>) {
        self.drop_start();
        let run = self.run();
        let phase = run.phase();
        match result {
            Ok(Ok(())) if run.stop.is_closed() => {}
            Ok(Ok(())) if self.shape() == Shape::Oneshot => self.finish(),
            Ok(Ok(())) if run.orders.given(Orders::READY) => {
                self.fail(phase, Fault::ExitedEarly);
            }
            Ok(Ok(())) => self.fail(phase, Fault::NeverReady),
            Ok(Err(error)) => self.fail(phase, Fault::Error(error)),
            Err(fault) => self.fail(phase, fault),
        }
    }

    /// A oneshot has succeeded: it stops by itself.
    fn finish(&mut self) {
        self.run().succeeded.store(true, Ordering::Release);
        self.subject.cx.close_stop_channel();
        self.run().orders.note(Orders::STOP);
        self.obey(Orders::STOP);
    }

    fn stop_returned(&mut self, result: Result<Result, Panic>) {
        self.drop_stop();
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(Phase::Drain, Fault::Error(error)),
            Err(fault) => self.fail(Phase::Drain, fault),
        }
    }

    /// Obeys the mildest new order. Before the next one the service is polled again.
    fn obey(&mut self, orders: u8) {
        let new = orders & !self.seen;
        let order = new & new.wrapping_neg();
        if order & (Orders::DROP_RUN | Orders::DROP_ALL) & !self.announced != 0 {
            // A task that ends at this very instant was woken together with this one, and is not late.
            // Yielding once lets it run first.
            self.announced |= order;
            self.has_news = true;
            return;
        }
        self.seen |= order;
        match order {
            Orders::STOP => self.begin_stop(),
            Orders::DROP_RUN => self.cut(),
            Orders::DROP_ALL => self.end(),
            Orders::RELOAD => self.take_part_in_reloads(),
            _ => {}
        }
    }

    fn show_ready(&self) {
        if self.start.is_none() {
            return;
        }
        if self.shape().is_by_hand() {
            self.run().enter(Phase::Run);
        }
        self.report(RunnerNews::Ready);
    }

    /// From the first reload on a hand-written `start` is polled beside its `reload`.
    fn take_part_in_reloads(&mut self) {
        let Subject { cx, service, .. } = self.subject;
        // Dropped at once if `start` has returned.
        let part = self.run().make_reload().runner();
        if let Some(start) = self.start.take() {
            let beside = Beside::new(cx, part, start, Box::new(|| service.reload(cx)));
            self.start = Some(Box::pin(beside));
        }
    }

    fn begin_stop(&mut self) {
        let Subject { cx, service, .. } = self.subject;
        let run = self.run();
        // A hand-written `start` may have returned before.
        if self.shape().is_by_hand() && run.exited.is_closed() {
            run.enter(Phase::Drain);
        }
        match panics::catch(|| service.stop(cx)) {
            Ok(stop) => self.stop = Some(stop),
            Err(fault) => self.stop_returned(Err(fault)),
        }
    }

    /// Drops `start` and the spawned tasks, so that the drain can begin. The tasks are shut first, so that
    /// the destructor of `start` can't spawn another.
    fn cut(&mut self) {
        let Run { exited, tasks, .. } = self.run();
        if self.start.is_some() {
            self.report_late(self.run().phase());
        } else if tasks.has_own() {
            self.report_late(Phase::Task);
        }
        tasks.cut();
        self.drop_start();
        if exited.is_closed() {
            // The drain goes on, and may spawn tasks of its own.
            tasks.reopen();
        }
    }

    /// Drops `start` and the tasks, and lets the drain be polled once more before it is dropped too.
    fn end(&mut self) {
        if self.seen & Orders::DROP_RUN == 0 {
            self.cut();
        }
        self.ends = true;
        self.drop_tasks_of_drain();
    }

    fn drop_late_stop(&mut self) {
        // What is late in an inner application is named by it.
        if !nested::is_ending_inside(&self.subject.cx) {
            self.report_late(Phase::Drain);
        }
        self.drop_stop();
    }

    /// After the time is over: drops the tasks that the drain has spawned.
    fn drop_tasks_of_drain(&mut self) {
        let tasks = &self.run().tasks;
        let has_refused = tasks.take_refused();
        if self.run().exited.is_closed() && (has_refused || tasks.has_own()) {
            self.report_late(Phase::Task);
        }
        tasks.cut();
    }

    fn drop_start(&mut self) {
        let start = self.start.take();
        if let Err(fault) = panics::catch(|| drop(start)) {
            self.fail(self.run().phase(), fault);
        }
    }

    fn drop_stop(&mut self) {
        let stop = self.stop.take();
        if let Err(fault) = panics::catch(|| drop(stop)) {
            self.fail(Phase::Drain, fault);
        }
        if self.ends {
            self.drop_tasks_of_drain();
        }
    }

    fn close_exited(&self) {
        let run = self.run();
        if self.start.is_some() || run.exited.is_closed() {
            return;
        }
        if !run.tasks.is_empty() {
            // If a task blocks its thread for ever, the report names this phase.
            run.enter(Phase::Task);
            return;
        }
        if self.shape().is_by_hand() && run.stop.is_closed() {
            run.enter(Phase::Drain);
        }
        run.exited.close();
        if !self.ends {
            run.tasks.reopen();
        }
    }

    fn fail(&mut self, phase: Phase, fault: impl Into<Fault>) {
        self.has_news = true;
        failure::fail(&self.subject.cx, phase, fault);
    }

    fn report_late(&mut self, phase: Phase) {
        self.has_news = true;
        if phase == Phase::Task && mem::replace(&mut self.has_late_tasks, true) {
            return;
        }
        // A start that was not ready in time is dropped for that, and may be restarted.
        if phase != Phase::Startup || !self.run().has_timed_out() {
            self.run().note_late();
        }
        self.report(RunnerNews::Late(phase));
    }

    fn report(&self, news: RunnerNews) {
        let cx = &self.subject.cx;
        cx.application().report(cx.service(), news);
    }

    fn run(&self) -> &'a Run {
        self.subject.cx.run()
    }

    fn shape(&self) -> Shape {
        self.subject.cx.instance().shape()
    }
}

impl Drop for Runner<'_> {
    /// Takes the waker out of the orders. A `Waker` keeps its task's allocation alive, and with that the
    /// runtime, and a context may be kept for long.
    fn drop(&mut self) {
        self.run().orders.forget();
    }
}
