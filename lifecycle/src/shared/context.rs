//! The context of a hook: its name, its stop channel, the end of the application, tasks of its own.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};

use tokio::time::Instant;
use tracing::Span;

use crate::panics::log_safely;
use crate::report::error::Result;
use crate::report::event::EventKind;
use crate::report::reason::{Cause, Reason};
use crate::report::status::Shape;
use crate::report::tick::Tick;
use crate::shared::application::Application;
use crate::shared::current::{self, Current, ServiceId};
use crate::shared::handle::Handle;
use crate::shared::instance::Instance;
use crate::shared::lease::Lease;
use crate::shared::orders::Orders;
use crate::shared::run::Run;
use crate::shared::runner_news::RunnerNews;
use crate::shared::scope::SharedSpan;
use crate::shared::stop_channel::StopChannel;
use crate::shared::task_output::TaskOutput;
use crate::shared::tasks::{self, TaskKind};

/// What a service can see and ask of the application it runs in. Every hook gets one.
///
/// Cloning is cheap and a clone is `'static`: move it into tasks, connections, request handlers. A
/// context stays valid after its service has stopped; asking then changes nothing.
///
/// ```
/// use lifecycle::{Context, Result, Worker, service};
///
/// #[service(worker)]
/// struct Consumer;
///
/// impl Worker for Consumer {
///     async fn run(&self, cx: &Context) -> Result {
///         loop {
///             tokio::select! {
///                 () = cx.stop_channel() => return Ok(()),
///                 message = next_message() => handle(message).await?,
///             }
///         }
///     }
/// }
/// # async fn next_message() -> u8 { 1 }
/// # async fn handle(_: u8) -> Result { Ok(()) }
/// ```
#[derive(Clone)]
pub struct Context {
    application: Arc<Application>,
    run: Arc<Run>,
    service: usize,
}

impl Context {
    /// The context of this run of the service.
    pub(crate) fn new(application: Arc<Application>, run: Arc<Run>, service: usize) -> Self {
        Self {
            application,
            run,
            service,
        }
    }

    /// The name of the service, as declared in the registry. In a registry that is a service of another one
    /// it is the path that the log, the states and the errors show: `parent/child`. For a log line of your own,
    /// or a key in a store; code of the service runs in a [span](Self::span) that has it already.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.instance().name
    }

    /// The service's stop channel: closed when the service is asked to stop. That is when its turn has come, which
    /// is after all that depend on it are down. See [`StopChannel`].
    #[must_use]
    pub fn stop_channel(&self) -> StopChannel {
        StopChannel::new(self.clone())
    }

    /// Says that the service is ready, so that its dependents may start. Only a hand-written
    /// [`Service`](crate::Service) calls it; the shapes do it after `startup`. Calling it again
    /// changes nothing.
    ///
    /// The service shows as running once its `start` goes on to wait: one that fails at once never
    /// does.
    pub fn ready(&self) {
        self.run.orders.give(Orders::READY);
    }

    /// Resolves when the service's `start` and all tasks it spawned have returned, or were dropped
    /// because they were late. A hand-written [`stop`](crate::Service::stop) awaits it before it
    /// drains. Cancel-safe.
    pub async fn exited(&self) {
        self.run.exited.closed().await;
    }

    /// Asks the whole application to stop, successfully. Returns at once: the caller is stopped in
    /// its turn, like the others. In a registry that is a service of another one, the whole is the outermost
    /// one.
    ///
    /// ```
    /// use lifecycle::{Context, Result, Worker, service};
    ///
    /// #[service(worker)]
    /// struct Import;
    ///
    /// impl Worker for Import {
    ///     async fn run(&self, cx: &Context) -> Result {
    ///         import_everything().await?;
    ///         cx.shutdown(); // done: without it the `Ok` would be the failure "exited early"
    ///         Ok(())
    ///     }
    /// }
    /// # async fn import_everything() -> Result { Ok(()) }
    /// ```
    pub fn shutdown(&self) {
        self.application.outermost().ask_to_stop(Reason::Requested);
    }

    /// Says that the service works less well than it should, and why. Shown by
    /// [`states`](crate::Handle::states); readiness is unchanged. A later call replaces the reason; one
    /// that gives the same reason changes nothing, and only a change is logged.
    ///
    /// What the library itself finds, such as a tick that failed, is kept apart: it neither replaces the
    /// reason nor is it taken back by [`recovered`](Self::recovered).
    ///
    /// ```
    /// # async fn example(cx: &lifecycle::Context) -> lifecycle::Result {
    /// match read_replica().await {
    ///     Ok(_) => cx.recovered(),
    ///     Err(error) => cx.degraded(format!("reads from the primary: {error}")),
    /// }
    /// # Ok(()) }
    /// # async fn read_replica() -> lifecycle::Result { Ok(()) }
    /// ```
    pub fn degraded(&self, why: impl Into<Arc<str>>) {
        let why = why.into();
        if self.run.set_degraded(Some(why.clone())) {
            self.tell(EventKind::Degraded { why });
        }
    }

    /// Takes back [`degraded`](Self::degraded). Logged when there was something to take back.
    pub fn recovered(&self) {
        if self.run.set_degraded(None) {
            self.tell(EventKind::Recovered);
        }
    }

    /// Logs what has happened to the service, and tells the observers of it.
    pub(crate) fn tell(&self, kind: EventKind) {
        self.application.tell(self.service, kind);
    }

    /// Starts a task that belongs to the service: if it fails or panics the service fails, and the
    /// service's stop waits for it, so it should end when the [stop channel](Self::stop_channel)
    /// closes. What is late is dropped, and named in the outcome.
    ///
    /// It is for what the service can't do without: a second loop, a subscription. The work for one client
    /// or one request is [isolated](Self::spawn_isolated).
    ///
    /// The task may outlive the hook that starts it, so it can borrow neither `self` nor `cx` (rustc says that
    /// they "escape"): clone the context, and what it needs of the service, an `Arc`, before it.
    ///
    /// The future is dropped without being polled once the service is down, and from the moment at which
    /// late tasks are dropped: no chain of tasks, each starting the next, outlives that.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use lifecycle::{Context, Result, Worker, service};
    ///
    /// #[service(worker)]
    /// struct Chat { rooms: Arc<Rooms> }
    ///
    /// impl Worker for Chat {
    ///     async fn run(&self, cx: &Context) -> Result {
    ///         let (rooms, stop) = (self.rooms.clone(), cx.stop_channel());
    ///         cx.spawn(async move {
    ///             while stop.run_until_closed(next_hour()).await.is_some() {
    ///                 rooms.close_empty_ones().await?;
    ///             }
    ///             Ok(())
    ///         });
    ///         self.rooms.serve(cx).await
    ///     }
    /// }
    /// # struct Rooms;
    /// # impl Rooms {
    /// #     async fn close_empty_ones(&self) -> Result { Ok(()) }
    /// #     async fn serve(&self, cx: &Context) -> Result { cx.stop_channel().closed().await; Ok(()) }
    /// # }
    /// # async fn next_hour() { std::future::pending().await }
    /// ```
    pub fn spawn(&self, future: impl Future<Output = Result> + Send + 'static) {
        if !tasks::spawn(self, TaskKind::Own, future) {
            self.log_refused_task();
        }
    }

    /// Starts a task that belongs to the service and can't harm it: the work for one connection or one
    /// request. It ends with `()` or a [`Result`](crate::Result).
    ///
    /// As with [`spawn`](Self::spawn) it runs in the service's span, and the service's stop waits for it, so
    /// it may finish what it has in hand. But its failure is no failure of the service. At three quarters of
    /// the service's time to stop it is dropped and its destructors run; that is no
    /// [laggard](crate::Outcome::laggards), and the exit code stays 0. A client that keeps its connection open
    /// and sends nothing therefore costs that time; a task that also waits for the
    /// [stop channel](Self::stop_channel) ends at once. Only a task that blocks its thread beyond its time,
    /// and so can't be dropped, makes the service late.
    ///
    /// An error or a panic is counted in [`ServiceStatus::isolated`](crate::ServiceStatus::isolated) and
    /// logged as a warning, 16 lines at most in 10 seconds; how many were left out is logged afterwards.
    ///
    /// The future is dropped without being polled once the service is down, and from the moment at which
    /// late tasks are dropped.
    ///
    /// ```
    /// use lifecycle::{Context, Result};
    /// use tokio::net::{TcpListener, TcpStream};
    ///
    /// async fn accept(listener: TcpListener, cx: &Context) -> Result {
    ///     loop {
    ///         let (socket, _) = tokio::select! {
    ///             () = cx.stop_channel() => return Ok(()),
    ///             accepted = listener.accept() => accepted?,
    ///         };
    ///         cx.spawn_isolated(async move {
    ///             answer(socket).await?;
    ///             Ok(())
    ///         });
    ///     }
    /// }
    /// # async fn answer(_: TcpStream) -> std::io::Result<()> { Ok(()) }
    /// ```
    pub fn spawn_isolated<F>(&self, future: F)
    where
        F: Future<Output: TaskOutput> + Send + 'static,
    {
        if !tasks::spawn(self, TaskKind::Isolated, future) {
            self.log_refused_task();
        }
    }

    fn log_refused_task(&self) {
        log_safely!(
            warn,
            service = self.name(),
            "task not started: the service is down, or was cut"
        );
    }

    /// The span in which all code of the service runs, its [tasks](Self::spawn) included: it is named
    /// `service`, has the target `lifecycle` and the field `name`, and no parent. For code that works for the
    /// service elsewhere, such as a task of another library or the handler of a request:
    ///
    /// ```
    /// use tracing::Instrument;
    ///
    /// # async fn answer() {}
    /// # fn serve(cx: &lifecycle::Context) {
    /// tokio::spawn(answer().instrument(cx.span()));
    /// # }
    /// ```
    ///
    /// Where no subscriber records it, and once the service is down, this is [`Span::none`]. The span stays
    /// open for as long as a clone of it is kept.
    #[must_use]
    pub fn span(&self) -> Span {
        let span = self.span_of_run();
        span.map_or_else(Span::none, |span| span.to_span())
    }

    /// A view of the whole application, for a service that shows or serves its state: a probe
    /// endpoint, a status page.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.application.clone())
    }

    /// Why the service ends; `None` while it has not been asked to. Meant for `drain`.
    ///
    /// ```
    /// use lifecycle::{Cause, Context, Idle, Result, service};
    ///
    /// #[service(idle)]
    /// struct Cache;
    ///
    /// impl Idle for Cache {
    ///     async fn drain(&self, cx: &Context) -> Result {
    ///         match cx.cause() {
    ///             Some(Cause::Restart) => Ok(()), // it is up again at once, with all that it holds
    ///             _ => write_to_disk().await,
    ///         }
    ///     }
    /// }
    /// # async fn write_to_disk() -> Result { Ok(()) }
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        // A service that was late has not failed: it ends because it was asked to stop.
        if let Some(error) = self.run.failure() {
            return Some(Cause::Failure(error.clone()));
        }
        if !self.run.stop.is_closed() {
            return None;
        }
        let is_removed = || self.run.member().is_some_and(|member| member.is_leaving());
        Some(match self.application.request.reason() {
            Some(Reason::Requested) => self
                .outer_cause()
                .unwrap_or(Cause::Shutdown(Reason::Requested)),
            Some(reason) => Cause::Shutdown(reason.clone()),
            None if is_removed() => Cause::Removed,
            None if self.lease().is_some_and(|lease| lease.is_lost()) => Cause::LeaseLost,
            None if self.run.is_followed() => Cause::Restart,
            None => Cause::Finished,
        })
    }

    /// Why the service ends that this application belongs to, if it is no failure: that of an outer service is none
    /// of an inner one.
    fn outer_cause(&self) -> Option<Cause> {
        let (outer, service) = self.application.outer()?;
        let run = outer.instance(service).run()?;
        let cause = Self::new(outer, run, service).cause();
        cause.filter(|cause| !matches!(cause, Cause::Failure(_) | Cause::Finished))
    }

    /// The lease that this run of the service has, where one replica runs it (`replicas = one`); `None` otherwise,
    /// and once the run is over.
    ///
    /// ```
    /// use lifecycle::{Context, Result, Scheduled, service};
    ///
    /// #[service(scheduled(interval = "1m"))]
    /// struct Billing;
    ///
    /// impl Scheduled for Billing {
    ///     async fn tick(&self, cx: &Context) -> Result {
    ///         let token = cx.lease().map(|lease| lease.token());
    ///         charge(token).await // a system that refuses tokens older than the newest it has seen
    ///     }
    /// }
    /// # async fn charge(_: Option<u64>) -> Result { Ok(()) }
    /// ```
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.application
            .leases
            .get()?
            .of_run(self.service, &self.run)
    }

    /// When what is running now will be dropped if it has not returned; `None` while the service has
    /// not been asked to stop.
    ///
    /// `run`, a tick, a hand-written `start` and spawned tasks have three quarters of the service's
    /// time to stop, so that `drain` still happens; once they have returned (see
    /// [`exited`](Self::exited)) it is the end of all its time. A oneshot has no drain, and all the
    /// time for its `run`. The last flushes of a queue that has a `drain` have three quarters of what is left
    /// for both. What returns by then is not late.
    ///
    /// ```
    /// # use lifecycle::{Context, Result};
    /// # async fn drain(cx: &Context) -> Result {
    /// if let Some(end) = cx.deadline() {
    ///     tokio::time::timeout_at(end, upload()).await??; // an error of one's own, in place of being dropped
    /// }
    /// # Ok(()) }
    /// # async fn upload() -> Result { Ok(()) }
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let end = self.run.deadline()?;
        let queue = self.instance().queue();
        Some(queue.map_or(end, |counts| counts.end_of_share(end)))
    }

    /// What the tick is for in which this is called, or that has spawned the task: when it was due, why it began,
    /// what it stands for, and a [key](Tick::key) that names it. `None` while no tick of this run is in flight.
    ///
    /// ```
    /// use lifecycle::{Context, Result, Scheduled, service};
    ///
    /// # #[cfg(feature = "cron")]
    /// #[service(scheduled(cron = "0 3 * * *"))]
    /// struct Invoices;
    ///
    /// # #[cfg(feature = "cron")]
    /// impl Scheduled for Invoices {
    ///     async fn tick(&self, cx: &Context) -> Result {
    ///         if let Some(tick) = cx.tick() {
    ///             send_invoices(&tick.key()).await?; // invoices/2026-11-25T03:00Z
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// # async fn send_invoices(_: &str) -> Result { Ok(()) }
    /// ```
    #[must_use]
    pub fn tick(&self) -> Option<Tick> {
        let instance = self.instance();
        // The ticks belong to the service, and this context perhaps to an earlier run of it.
        let current = instance.run()?;
        if !Arc::ptr_eq(&current, &self.run) {
            return None;
        }
        instance.ticks()?.tick(instance.name.clone())
    }

    pub(crate) fn instance(&self) -> &Instance {
        match self.run.member() {
            None => &self.application.instances[self.service],
            Some(member) => &member.instance,
        }
    }

    pub(crate) fn application(&self) -> &Arc<Application> {
        &self.application
    }

    pub(crate) fn weak_application(&self) -> Weak<Application> {
        Arc::downgrade(&self.application)
    }

    /// What [`ready`](Self::ready) does, for the shapes. The runner looks at the orders whenever it has polled
    /// `start`, so that a wake-up is spared where it is the runner that polls. A decorator may poll `start` in
    /// another task.
    #[inline]
    pub(crate) fn show_ready(&self) {
        if current::is_polled_by_runner_of(&self.run) {
            self.run.orders.note(Orders::READY);
        } else {
            self.run.orders.give(Orders::READY);
        }
    }

    #[inline]
    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    pub(crate) fn weak_run(&self) -> Weak<Run> {
        Arc::downgrade(&self.run)
    }

    pub(crate) fn span_of_run(&self) -> SharedSpan {
        self.run.span(&self.instance().name)
    }

    /// Closes the stop channel, and wakes the tasks that wait for it and the loop of a schedule.
    pub(crate) fn close_stop_channel(&self) {
        self.instance().close_stop_channel(&self.run);
    }

    pub(crate) fn service(&self) -> usize {
        self.service
    }

    /// Sets the shape of the service, which a decorator may have hidden so far.
    pub(crate) fn take_shape(&self, shape: Shape, is_up_while_it_runs: bool) {
        let instance = self.instance();
        if instance.shape() == shape {
            return;
        }
        instance.take_shape(shape);
        let news = match shape {
            Shape::Oneshot if !is_up_while_it_runs => RunnerNews::Oneshot,
            Shape::Registry | Shape::Group => RunnerNews::Registry,
            _ => return,
        };
        self.application.report(self.service, news);
    }

    /// Whether another run of the service follows this one, as far as is known now: because it is restarted, or
    /// the registry that it belongs to is.
    pub(crate) fn is_followed(&self) -> bool {
        self.run.is_followed() || (!self.run.is_late() && self.application.is_followed())
    }

    /// The mark of this run among the runs of all applications.
    #[inline]
    pub(crate) fn current(&self) -> Current {
        let service = ServiceId::new(&self.application, self.service);
        Current::new(service, &self.run)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("service", &self.name())
            .finish_non_exhaustive()
    }
}
