//! The shapes: what `#[service(..)]` declares on a struct, turned into [`Service`] by one
//! implementation for all.
//!
//! Each shape says three things: how it starts up, what it does while it runs, how it drains. The
//! frame around them, which is where hand-written services go wrong, is here and nowhere else.

mod idle;
mod oneshot;
mod queue;
mod scheduled;
mod worker;

use std::future::Future;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tokio::time::sleep;

pub use self::idle::{Idle, IdleService, IdleShape};
pub use self::oneshot::{Oneshot, OneshotService, OneshotShape};
pub(crate) use self::queue::QueueCounts;
pub use self::queue::{Queue, QueueService, QueueShape};
pub use self::scheduled::{Scheduled, ScheduledService, ScheduledShape};
pub use self::worker::{Worker, WorkerService, WorkerShape};
use crate::backoff::Retry;
use crate::cell::Orders;
use crate::context::Context;
use crate::error::Result;
use crate::service::Service;
use crate::status::{Phase, Shape};

/// Ties a type to the shape its attribute names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(idle)]`, `#[service(scheduled(interval = ..))]`, `#[service(queue(..))]`, `#[service(worker)]` or `#[service(oneshot)]` on the struct"
)]
pub trait Declared {
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

    /// Instead of `drain`, where `startup` did not come to its end.
    fn abandon(service: &S, cx: &Context) {
        let _ = (service, cx);
    }
}

#[async_trait]
#[diagnostic::do_not_recommend]
impl<S> Service for S
where
    S: Declared + Send + Sync + 'static,
    S::Shape: Live<S>,
{
    async fn start(&self, cx: &Context) -> Result {
        let cell = cx.cell();
        tokio::select! {
            biased;
            // Nobody waits for what is not up yet: a startup in flight is dropped.
            () = cell.stop.closed() => return Ok(()),
            started = start_up(self, cx) => started?,
        }
        cell.started_up.store(true, Ordering::Release);
        if S::Shape::SHAPE != Shape::Oneshot {
            cell.orders.note(Orders::READY);
        }
        S::Shape::run(self, cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        if cx.cell().started_up.load(Ordering::Acquire) {
            cx.cell().enter(Phase::Drain);
            S::Shape::drain(self, cx).await
        } else {
            S::Shape::abandon(self, cx);
            Ok(())
        }
    }

    fn shape(&self) -> Shape {
        S::Shape::SHAPE
    }

    fn __abandon(&self, cx: &Context) {
        S::Shape::abandon(self, cx);
    }
}

/// Starts the service up, as often as its attribute allows.
async fn start_up<S>(service: &S, cx: &Context) -> Result
where
    S: Declared + Sync,
    S::Shape: Live<S>,
{
    S::Shape::check(service)?;
    let Some(retry) = S::RETRY else {
        return S::Shape::startup(service, cx).await;
    };
    let mut failures = 0;
    while let Err(error) = S::Shape::startup(service, cx).await {
        failures += 1;
        let wait = retry.wait_after(failures);
        tracing::warn!(target: "lifecycle", service = cx.name(), %error, failures, ?wait, "startup failed, trying again");
        sleep(wait).await;
    }
    Ok(())
}

/// Stands in when an attribute has an error of its own, so that the rest of the program compiles.
#[derive(Debug)]
pub struct BrokenShape;

impl<S: Sync> Live<S> for BrokenShape {
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
