//! The shapes: one implementation turns what `#[service(..)]` declares on a struct into a [`Service`].
//!
//! Each shape has three parts: how it starts up, what it does while it runs, how it drains. The frame
//! around them is written once, in this file, because it is where hand-written services go wrong.
//!
//! `scheduled` and `tick_loop` use each other: the loop calls the hook `tick`, and serves `cron` as well.

pub(crate) mod anew;
#[cfg(feature = "cron")]
mod cron;
mod holders;
mod idle;
pub(crate) mod intake;
mod oneshot;
mod queue;
mod scheduled;
mod server;
pub(crate) mod service;
mod startup;
mod tick_loop;
mod worker;

use std::any::type_name;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

#[cfg(feature = "cron")]
pub use self::cron::{CatchUpCronShape, CronService, CronShape, Written, text};
pub use self::idle::{Idle, IdleService, IdleShape};
pub use self::oneshot::{Oneshot, OneshotService, OneshotShape};
pub use self::queue::{AttemptsUsedUp, Overflow, Queue, QueueService, QueueShape};
pub use self::scheduled::{CatchUpShape, Scheduled, ScheduledService, ScheduledShape};
pub use self::server::{Server, ServerService, ServerShape};
use self::startup::{Attempt, UnlessStopped, with_retries};
pub use self::worker::{Worker, WorkerService, WorkerShape};
use crate::report::error::Result;
use crate::report::status::Shape;
use crate::retry::Retry;
use crate::shape::service::{BoxFuture, Nature, Sealed, Service, TaskNeed};
use crate::shared::context::Context;
use crate::shared::reload::{Beside, Part};

/// Ties a type to the shape its attribute names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(idle)]`, `#[service(scheduled(interval = ..))]`, `#[service(queue(..))]`, `#[service(worker)]`, `#[service(server)]` or `#[service(oneshot)]` on the struct"
)]
// Only this trait asks for `Send` and `Sync`. If the traits of the hooks asked too, rustc would repeat
// its error at the struct a second and a third time.
pub trait Declared: Send + Sync {
    /// One of the shape types beside this trait.
    type Shape;

    /// `startup(retry = ..)`: the waits before a failed `startup` is tried again. Without it the
    /// service fails at once.
    const RETRY: Option<Retry> = None;
}

/// What a shape does in each part of the life of a service of type `S`.
pub trait Live<S> {
    /// The shape as status and errors name it.
    const SHAPE: Shape;

    /// What `startup` hands to `run`. It lives in the future of `start` and nowhere else.
    type Started: Send;

    /// The service is being registered. May be called again.
    fn register(service: &S) {
        let _ = service;
    }

    /// Checks the service's values before `startup` is called for the first time.
    fn check(service: &S) -> Result {
        let _ = service;
        Ok(())
    }

    /// Runs before the service counts as running.
    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result<Self::Started>> + Send;

    /// Runs from then on, until the stop channel closes.
    fn run(
        service: &S,
        started: Self::Started,
        cx: &Context,
    ) -> impl Future<Output = Result> + Send;

    /// Flushes, after `run` has returned.
    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Whether the service is up once it has started up. Otherwise it is up when `run` has succeeded.
    fn is_up_while_it_runs() -> bool {
        true
    }

    /// What the service needs a task for. A service without code to run can do without one.
    fn task_need() -> TaskNeed {
        TaskNeed::Always
    }

    /// Takes over new values.
    fn reload(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = (service, cx);
        async { Ok(()) }
    }

    /// Whether [`reload`](Self::reload) has code to run.
    fn reloads() -> bool {
        false
    }

    /// Called in place of `drain` when `startup` did not complete.
    fn abandon(service: &S, cx: &Context) {
        let _ = (service, cx);
    }
}

// Written without `async_trait`, which would make these futures larger. The future of `start` lives as
// long as the application.
#[diagnostic::do_not_recommend]
impl<S> Service for S
where
    S: Declared + 'static,
    S::Shape: Live<S>,
{
    fn start<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            cx.take_shape(S::Shape::SHAPE, S::Shape::is_up_while_it_runs());
            if cx.run().stop.is_closed() {
                return Ok(());
            }
            S::Shape::check(self)?;
            // A constant, so that rustc compiles retries only for services that ask for them.
            let started = if Retries::<S>::ARE_ASKED_FOR {
                let attempt = || -> Attempt<'_, _> { Box::pin(S::Shape::startup(self, cx)) };
                let mut startup = with_retries(S::Shape::SHAPE, S::RETRY, cx, Box::new(attempt));
                UnlessStopped::new(cx, startup.as_mut()).await?
            } else {
                let startup = pin!(S::Shape::startup(self, cx));
                UnlessStopped::new(cx, startup).await?
            };
            let Some(started) = started else {
                return Ok(());
            };
            let part = started_up(cx, S::Shape::reloads(), S::Shape::is_up_while_it_runs());
            let run = Running(pin!(S::Shape::run(self, started, cx)));
            let Some(part) = part else {
                return run.await;
            };
            let reload = || -> BoxFuture<'_> { Box::pin(S::Shape::reload(self, cx)) };
            beside_reload(cx, part, run, Box::new(reload)).await
        })
    }

    fn stop<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            if may_drain(cx).await {
                return S::Shape::drain(self, cx).await;
            }
            S::Shape::abandon(self, cx);
            Ok(())
        })
    }

    // The same as the default, but one for all services.
    fn reload<'a, 'c, 'f>(&'a self, _: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        nothing_to_reload()
    }

    fn __nature(&self, _: Sealed) -> Nature {
        S::Shape::register(self);
        Nature {
            shape: S::Shape::SHAPE,
            task_need: S::Shape::task_need(),
            is_disabled: false,
            in_background: S::Shape::is_up_while_it_runs() && S::Shape::SHAPE == Shape::Oneshot,
        }
    }

    fn __abandon(&self, cx: &Context, _: Sealed) {
        S::Shape::abandon(self, cx);
    }
}

/// What the service does while it runs, behind a pointer: rustc compiles it once for each service, and not into
/// `start` as well.
struct Running<'a>(Pin<&'a mut (dyn Future<Output = Result> + Send + 'a)>);

impl Future for Running<'_> {
    type Output = Result;

    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Result> {
        self.0.as_mut().poll(task)
    }
}

struct Retries<S>(PhantomData<S>);

impl<S: Declared> Retries<S> {
    const ARE_ASKED_FOR: bool = S::RETRY.is_some();
}

/// The service has started up, and shows as running if it is up while it runs. Returns its part in reloads, if it has
/// something to reload.
fn started_up(cx: &Context, reloads: bool, is_up: bool) -> Option<Part<'_>> {
    cx.run().started_up.store(true, Ordering::Release);
    // Before the service shows as running, because from then on it may be asked to reload.
    let part = reloads.then(|| cx.run().make_reload().join());
    if is_up {
        cx.show_ready();
    }
    part
}

/// Runs the service, and its hook `reload` when that is asked for. Boxed, so that services without the hook don't carry
/// the larger future.
fn beside_reload<'a>(
    cx: &'a Context,
    part: Part<'a>,
    run: Running<'a>,
    reload: Box<dyn Fn() -> BoxFuture<'a> + Send + 'a>,
) -> BoxFuture<'a> {
    Box::pin(Beside::new(cx, part, Box::pin(run), reload))
}

/// Waits until the run has ended. Then tells whether the service had started up, so that its drain begins.
async fn may_drain(cx: &Context) -> bool {
    cx.exited().await;
    let has_started_up = cx.run().started_up.load(Ordering::Acquire);
    if has_started_up {
        cx.run().enter_drain();
    }
    has_started_up
}

fn nothing_to_reload() -> BoxFuture<'static> {
    Box::pin(ready(Ok(())))
}

/// The future that a default hook of `S` returns. It names `S`, because a hook of another service may call
/// a default hook and return its future, and that hook is not left out.
struct Nothing<S: ?Sized>(PhantomData<fn() -> S>);

impl<S: ?Sized> Nothing<S> {
    const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: ?Sized> Future for Nothing<S> {
    type Output = Result;

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result> {
        Poll::Ready(Ok(()))
    }
}

/// Whether this hook is the default one. The hook is not called.
///
/// Compares the names of the future types: a future that borrows the service has no `TypeId`. A future of
/// any other type counts as code to run.
fn is_left_out<'a, S: 'a, F>(_: impl Fn(&'a S, &'a Context) -> F) -> bool {
    type_name::<F>() == type_name::<Nothing<S>>()
}

/// The shape of a struct whose attribute has an error, so that rustc reports only that error.
#[derive(Debug)]
pub struct BrokenShape;

impl<S: Declared> Live<S> for BrokenShape {
    const SHAPE: Shape = Shape::Idle;

    type Started = ();

    async fn startup(_: &S, _: &Context) -> Result {
        Ok(())
    }

    async fn run(_: &S, (): (), _: &Context) -> Result {
        Ok(())
    }

    async fn drain(_: &S, _: &Context) -> Result {
        Ok(())
    }
}
