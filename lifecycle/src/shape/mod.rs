//! The shapes: what `#[service(..)]` declares on a struct, turned into [`Service`] by one
//! implementation for all.
//!
//! Each shape says three things: how it starts up, what it does while it runs, how it drains. The
//! frame around them, which is where hand-written services go wrong, is here and nowhere else.

mod idle;
mod oneshot;
mod scheduled;
mod worker;

use std::future::Future;
use std::sync::atomic::Ordering;

use async_trait::async_trait;

pub use self::idle::{Idle, IdleService, IdleShape};
pub use self::oneshot::{Oneshot, OneshotService, OneshotShape};
pub use self::scheduled::{Scheduled, ScheduledService, ScheduledShape};
pub use self::worker::{Worker, WorkerService, WorkerShape};
use crate::cell::Orders;
use crate::context::Context;
use crate::error::Result;
use crate::service::Service;
use crate::status::{Phase, Shape};

/// Ties a type to the shape its attribute names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(idle)]`, `#[service(scheduled(interval = ..))]`, `#[service(worker)]` or `#[service(oneshot)]` on the struct"
)]
pub trait Declared {
    /// One of the shape types beside this trait.
    type Shape;
}

/// How a shape lives in a service of type `S`.
pub trait Live<S> {
    /// What it is called.
    const SHAPE: Shape;

    /// Before the service counts as running.
    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;

    /// From then on, until the stop channel closes.
    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;

    /// The flush, after `run` has returned.
    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;
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
            started = S::Shape::startup(self, cx) => started?,
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
            S::Shape::drain(self, cx).await?;
        }
        Ok(())
    }

    fn shape(&self) -> Shape {
        S::Shape::SHAPE
    }
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
