//! The one task of a service: `start`, `stop` beside it, and the tasks it spawned. It obeys the
//! supervisor's orders and reports back.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{self, Poll, ready};

use crate::panics::{self, Contained, Panic};
use crate::report::error::{Fault, Result};
use crate::report::status::{Phase, Shape};
use crate::shape::service::{BoxFuture, Sealed, Service};
use crate::shared::application::RunnerNews;
use crate::shared::context::Context;
use crate::shared::failure;
use crate::shared::nested;
use crate::shared::orders::Orders;
use crate::shared::run::Run;
use crate::shared::scope::{ServiceSpan, SharedSpan, within};

/// How much of a run there is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// From `start` on.
    Whole,
    /// It has run no code so far, and is only stopped.
    Stop,
    /// It is down, and is only dropped.
    Drop,
}

/// Runs the service until it is down. Answers it where another run is to follow. Dropping the future drops the
/// service where it stands.
pub(crate) fn run(
    cx: Context,
    service: Box<dyn Service>,
    part: Part,
) -> impl Future<Output = Kept> + Send {
    let span = cx.span_of_run();
    let subject = Subject { cx, span, service };
    // An `async fn` future stores its arguments twice; an `async` block does not.
    async move {
        if part != Part::Drop {
            Runner::new(&subject, part).await;
        }
        let Subject { cx, span, service } = subject;
        // None are left, but one may have been started since.
        cx.run().tasks.close();
        poll_fn(|task| cx.run().tasks.poll_gone(task)).await;
        let kept = if cx.run().keeps_service.load(Ordering::Acquire) {
            Some(Contained::new(service))
        } else {
            drop_service(&cx, span.as_deref(), service, part);
            None
        };
        drop(span);
        let runs = cx.run().tasks.take_runs();
        if !runs.is_empty() {
            // In a box, so that only those pay for its size that have started one.
            Box::pin(nested::leave(cx.clone(), runs)).await;
        }
        cx.instance().close_log(cx.run());
        let is_kept = kept.is_some();
        cx.application()
            .report(cx.service(), RunnerNews::Down { is_kept });
        kept
    }
}

/// The service, where it is kept for another run.
pub(crate) type Kept = Option<Contained<Box<dyn Service>>>;

/// The destructor is the last code of a service, and runs before anything it depends on is stopped.
fn drop_service(cx: &Context, span: Option<&ServiceSpan>, service: Box<dyn Service>, part: Part) {
    let dropped = within(cx.current(), span, || {
        if part == Part::Drop {
            // What a queue has accepted since is lost, and counted.
            let _ = panics::catch(|| service.__abandon(cx, Sealed::OPEN));
        }
        panics::catch(|| drop(service))
    });
    if let Err(fault) = dropped {
        failure::fail(cx, Phase::Drain, fault);
    }
}

/// What is run.
struct Subject {
    cx: Context,
    span: SharedSpan,
    service: Box<dyn Service>,
}

/// Small enough that it takes two lines of the cache with all that tokio keeps of a task: a tick waits
/// longer for memory than for the processor.
#[repr(C)]
struct Runner<'a> {
    subject: &'a Subject,
    /// The orders obeyed so far.
    seen: u8,
    /// `start` is to be called at the first look.
    begins: bool,
    /// The orders before which the service's tasks had their turn.
    announced: u8,
    /// The supervisor was told something since it last had a chance to run.
    has_news: bool,
    /// Time is up: what does not end at its next look is dropped.
    ends: bool,
    /// Its tasks were named late: once for all of them.
    has_late_tasks: bool,
    start: Option<BoxFuture<'a>>,
    stop: Option<BoxFuture<'a>>,
}

/// What happened next.
enum Step {
    StartReturned(Result<Result, Panic>),
    TasksGone,
    StopReturned(Result<Result, Panic>),
    OutOfTime,
    Ordered(u8),
}

/// Ready when the service is down. Written as a `poll`, as it is most of what a service costs.
impl Future for Runner<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        let Subject { cx, span, .. } = self.subject;
        within(cx.current(), span.as_deref(), || self.poll_steps(task))
    }
}

impl<'a> Runner<'a> {
    fn new(subject: &'a Subject, part: Part) -> Self {
        Self {
            subject,
            start: None,
            stop: None,
            seen: 0,
            announced: 0,
            begins: part == Part::Whole,
            has_news: false,
            ends: false,
            has_late_tasks: false,
        }
    }

    fn poll_steps(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.begins) {
            self.begin();
        }
        while !self.is_done() {
            let step = ready!(self.poll_step(task));
            self.take(step);
            if std::mem::take(&mut self.has_news) {
                // What a task wakes runs next on the task's own thread, and nowhere else: the code
                // that is polled next may block it, and the supervisor with it. A task that wakes
                // itself comes after that.
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

    fn is_done(&self) -> bool {
        let stopped = self.seen & Orders::STOP != 0 && self.stop.is_none();
        stopped && self.start.is_none() && self.run().tasks.is_empty()
    }

    /// Orders come last, so that whoever can end by itself does: a failure is seen before the
    /// service shows as running, and a service that needs no time to stop is never late.
    ///
    /// `stop` comes first: a `start` that is never out of work uses up what tokio grants the whole
    /// task in one turn, and it may be `stop` that makes it return.
    fn poll_step(&mut self, task: &mut task::Context<'_>) -> Poll<Step> {
        if let Some(stop) = &mut self.stop {
            if let Poll::Ready(result) = panics::catch_poll(stop.as_mut(), task) {
                return Poll::Ready(Step::StopReturned(result));
            }
            // Before that it still waits for others, who have been told to end.
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
        // From here on whoever gives an order wakes.
        self.run().orders.listen(task);
        self.poll_orders().map(Step::Ordered)
    }

    /// Ready when the last task is gone and that is what the service waits for. Not before `start` has
    /// returned: a task that ends must not be why that is polled.
    fn poll_tasks(&mut self, task: &task::Context<'_>) -> Poll<()> {
        ready!(self.run().tasks.poll_gone(task));
        if self.run().exited.is_closed() && !self.is_done() {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Being ready is passed on from here, and is no step: `start` has just been polled.
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

    /// Obeys the mildest order that is new: between two orders the service gets a look at the
    /// first.
    fn obey(&mut self, orders: u8) {
        let new = orders & !self.seen;
        let order = new & new.wrapping_neg();
        if order & (Orders::DROP_RUN | Orders::DROP_ALL) & !self.announced != 0 {
            // What ends at this very instant has been woken with us, and is not late: its turn comes
            // before our next.
            self.announced |= order;
            self.has_news = true;
            return;
        }
        self.seen |= order;
        match order {
            Orders::STOP => self.begin_stop(),
            Orders::DROP_RUN => self.cut(),
            Orders::DROP_ALL => self.end(),
            _ => {}
        }
    }

    fn show_ready(&self) {
        if self.start.is_none() {
            return;
        }
        if self.shape() == Shape::Custom {
            self.run().enter(Phase::Run);
        }
        self.report(RunnerNews::Ready);
    }

    fn begin_stop(&mut self) {
        let Subject { cx, service, .. } = self.subject;
        let run = self.run();
        // A hand-written `start` may have returned before.
        if self.shape() == Shape::Custom && run.exited.is_closed() {
            run.enter(Phase::Drain);
        }
        match panics::catch(|| service.stop(cx)) {
            Ok(stop) => self.stop = Some(stop),
            Err(fault) => self.stop_returned(Err(fault)),
        }
    }

    /// Drops what is in the way of the drain. Tasks first: destructors of the others start no new ones
    /// then.
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
            // The drain goes on, and has time for further ones.
            tasks.reopen();
        }
    }

    /// Drops what is in the way, gives the drain one look, and then drops that too.
    fn end(&mut self) {
        if self.seen & Orders::DROP_RUN == 0 {
            self.cut();
        }
        self.ends = true;
        self.drop_tasks_of_drain();
    }

    fn drop_late_stop(&mut self) {
        self.report_late(Phase::Drain);
        self.drop_stop();
    }

    /// Once time is up: whatever was started before the drain is gone.
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
            // What is left of it, should it never let go of its thread.
            run.enter(Phase::Task);
            return;
        }
        if self.shape() == Shape::Custom && run.stop.is_closed() {
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
        if phase == Phase::Task && std::mem::replace(&mut self.has_late_tasks, true) {
            return;
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
    /// Also of a runner that is dropped where it stands: a `Waker` keeps its task's allocation alive, and
    /// with that the runtime, and a context may be kept for long.
    fn drop(&mut self) {
        self.run().orders.forget();
    }
}
