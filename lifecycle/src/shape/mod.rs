//! The shapes: what `#[service(..)]` declares on a struct, turned into [`Service`] by one
//! implementation for all.
//!
//! Each shape says three things: how it starts up, what it does while it runs, how it drains. The
//! frame around them, which is where hand-written services go wrong, is here and nowhere else.

#[cfg(feature = "cron")]
mod cron;
mod idle;
pub(crate) mod intake;
mod oneshot;
mod queue;
mod scheduled;
pub(crate) mod service;
mod tick_loop;
mod worker;

use std::any::type_name;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{self, Poll};

use tokio::time::sleep;

#[cfg(feature = "cron")]
pub use self::cron::{CronService, CronShape, Written, text};
pub use self::idle::{Idle, IdleService, IdleShape};
pub use self::oneshot::{Oneshot, OneshotService, OneshotShape};
pub use self::queue::{Queue, QueueService, QueueShape};
pub use self::scheduled::{Scheduled, ScheduledService, ScheduledShape};
pub use self::worker::{Worker, WorkerService, WorkerShape};
use crate::panics::log_safely;
use crate::report::error::{FailedAttempts, Result};
use crate::report::status::{Phase, Shape};
use crate::shape::service::{BoxFuture, Nature, Sealed, Service, TaskNeed};
use crate::shared::context::Context;
use crate::shared::orders::Orders;
use crate::time::retry::Retry;

/// Ties a type to the shape its attribute names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(idle)]`, `#[service(scheduled(interval = ..))]`, `#[service(queue(..))]`, `#[service(worker)]` or `#[service(oneshot)]` on the struct"
)]
// The one place that asks for `Send` and `Sync`. At the traits of the hooks as well, rustc would say
// a second time, and a third, what it says at the struct.
pub trait Declared: Send + Sync {
    /// One of the shape types beside this trait.
    type Shape;

    /// `startup(retry = ..)`: how to go on when `startup` fails. Without it that is the end.
    const RETRY: Option<Retry> = None;
}

/// How a shape lives in a service of type `S`.
pub trait Live<S> {
    /// What it is called.
    const SHAPE: Shape;

    /// Whether it can run at all, as far as that is known before anything is touched.
    fn check(service: &S) -> Result {
        let _ = service;
        Ok(())
    }

    /// Before the service counts as running.
    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;

    /// From then on, until the stop channel closes.
    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;

    /// The flush, after `run` has returned.
    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Whether there is a time when it has no code to run.
    fn task_need() -> TaskNeed {
        TaskNeed::Always
    }

    /// Instead of `drain`, where `startup` did not come to its end.
    fn abandon(service: &S, cx: &Context) {
        let _ = (service, cx);
    }
}

// Written without `async_trait`, so that the one future of a service that lives as long as the
// application is no larger than it needs to be.
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
            cx.take_shape(S::Shape::SHAPE);
            if !start_up_unless_stopped(self, cx).await? {
                return Ok(());
            }
            let instance = cx.instance();
            instance.started_up.store(true, Ordering::Release);
            if S::Shape::SHAPE != Shape::Oneshot {
                instance.orders.note(Orders::READY);
            }
            S::Shape::run(self, cx).await
        })
    }

    fn stop<'a, 'c, 'f>(&'a self, cx: &'c Context) -> BoxFuture<'f>
    where
        'a: 'f,
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            cx.exited().await;
            if cx.instance().started_up.load(Ordering::Acquire) {
                cx.instance().enter(Phase::Drain);
                S::Shape::drain(self, cx).await
            } else {
                S::Shape::abandon(self, cx);
                Ok(())
            }
        })
    }

    fn __nature(&self, _: Sealed) -> Nature {
        Nature {
            shape: S::Shape::SHAPE,
            task_need: S::Shape::task_need(),
        }
    }

    fn __abandon(&self, cx: &Context, _: Sealed) {
        S::Shape::abandon(self, cx);
    }
}

/// Whether the service came up before it was asked to stop: nobody waits for what is not up yet, a
/// startup in flight is dropped.
async fn start_up_unless_stopped<S>(service: &S, cx: &Context) -> Result<bool>
where
    S: Declared + Sync,
    S::Shape: Live<S>,
{
    let stop = &cx.instance().stop;
    let mut startup = pin!(start_up(service, cx));
    let mut stopped = pin!(stop.closed());
    poll_fn(|task| {
        if stop.is_closed() {
            return Poll::Ready(Ok(false));
        }
        // Most are up at once, and never wait for the stop.
        if let Poll::Ready(started) = startup.as_mut().poll(task) {
            return Poll::Ready(started.map(|()| true));
        }
        stopped.as_mut().poll(task).map(|()| Ok(false))
    })
    .await
}

/// Starts the service up, as often as its attribute allows.
async fn start_up<S>(service: &S, cx: &Context) -> Result
where
    S: Declared,
    S::Shape: Live<S>,
{
    S::Shape::check(service)?;
    match S::RETRY {
        None => S::Shape::startup(service, cx).await,
        // In a box, so that only those pay for its size who have asked for it.
        Some(retry) => Box::pin(start_up_with_retries(service, cx, retry)).await,
    }
}

async fn start_up_with_retries<S>(service: &S, cx: &Context, retry: Retry) -> Result
where
    S: Declared + Sync,
    S::Shape: Live<S>,
{
    let shown = Shown(cx);
    let mut failures = 0;
    while let Err(error) = S::Shape::startup(service, cx).await {
        // Another attempt would say the same.
        if cx.application().request.reason().is_some() && cx.application().is_the_stop(&error) {
            return Err(error);
        }
        let attempts = FailedAttempts::after(failures, error);
        failures = attempts.count();
        let wait = retry.wait_after(failures);
        let error = attempts.last();
        log_safely!(warn, service = cx.name(), %error, failures, ?wait, "startup failed, trying again");
        shown.0.instance().set_failed_attempts(Some(attempts));
        sleep(wait).await;
    }
    Ok(())
}

/// The service shows that its `startup` fails, until this is dropped.
struct Shown<'a>(&'a Context);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.0.instance().set_failed_attempts(None);
    }
}

/// What a hook of `S` returns that was left out. Another service's hook may pass it on, and has run then.
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

/// Whether this hook is the default one. It is not called.
///
/// By the name of what it returns: that may borrow the service, and only what borrows nothing has a
/// `TypeId`. A future of any other name is taken for code to run.
fn is_left_out<'a, S: 'a, F>(_: impl Fn(&'a S, &'a Context) -> F) -> bool {
    type_name::<F>() == type_name::<Nothing<S>>()
}

/// Stands in when an attribute has an error of its own, so that the rest of the program compiles.
#[derive(Debug)]
pub struct BrokenShape;

impl<S: Declared> Live<S> for BrokenShape {
    const SHAPE: Shape = Shape::Idle;

    async fn startup(_: &S, _: &Context) -> Result {
        Ok(())
    }

    async fn run(_: &S, _: &Context) -> Result {
        Ok(())
    }

    async fn drain(_: &S, _: &Context) -> Result {
        Ok(())
    }
}
