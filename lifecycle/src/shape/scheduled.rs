//! The scheduled shape: a tick on a fixed grid, never two at once, none once the stop is requested.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Live;
use crate::context::Context;
use crate::error::{Result, ScheduleError};
use crate::schedule::Grid;
use crate::status::{Phase, Shape};

/// The hooks of a service that does something again and again.
///
/// The first tick comes one interval after the service is running, the next ones on the grid that
/// this starts. There are never two ticks at once: points of the grid missed by a tick that overran
/// collapse into one late tick that runs at once, then the original grid goes on (the rule of Go's
/// ticker; tokio calls it `Skip`).
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Context, Result, Scheduled, service};
///
/// #[service(scheduled(interval = "every"))]
/// struct Collector { every: Duration }
///
/// impl Scheduled for Collector {
///     async fn tick(&self, _: &Context) -> Result { collect().await }
///     async fn drain(&self, _: &Context) -> Result { collect().await }
/// }
/// # async fn collect() -> Result { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a scheduled service but does not implement `Scheduled`",
    label = "this service has no `Scheduled` impl",
    note = "add `impl Scheduled for {Self} {{ async fn tick(&self, cx: &Context) -> Result {{ .. }} }}`"
)]
pub trait Scheduled: Send + Sync {
    /// Runs before the service counts as running; dependents wait for it. Default: nothing.
    ///
    /// Under the start timeout. Dropped when the application stops meanwhile.
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// One round of the work. An error is logged and counted, and the loop goes on; a panic is the
    /// service's failure.
    ///
    /// A tick in flight when the stop is requested completes, but is dropped at three quarters of
    /// the service's time to stop, so that `drain` still happens.
    fn tick(&self, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Flushes what is in memory, after the last tick. Runs once for each completed `startup`.
    /// Default: nothing.
    ///
    /// Dropped when the service's time to stop is over: see [`Context::deadline`].
    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }
}

/// What `#[service(scheduled(..))]` implements: the bound is what asks for the hooks.
pub trait ScheduledService: Scheduled {
    /// The interval as the attribute says it, for messages.
    const INTERVAL: &'static str;

    /// The interval.
    fn interval(&self) -> Duration;
}

/// The shape of `#[service(scheduled(..))]`.
#[derive(Debug)]
pub struct ScheduledShape;

impl<S: ScheduledService> Live<S> for ScheduledShape {
    const SHAPE: Shape = Shape::Scheduled;

    async fn startup(service: &S, cx: &Context) -> Result {
        interval_of(service)?;
        service.startup(cx).await
    }

    async fn run(service: &S, cx: &Context) -> Result {
        let cell = cx.cell();
        cell.enter(Phase::Idle);
        let mut stopped = pin!(cell.stop.closed());
        // An interval that leads past the end of time never ticks.
        let Some(mut grid) = Grid::new(Instant::now(), interval_of(service)?) else {
            stopped.await;
            return Ok(());
        };
        let mut timer = pin!(sleep_until(grid.due()));
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                () = &mut timer => {}
            }
            grid.advance(Instant::now());
            tick(service, cx).await;
            timer.as_mut().reset(grid.due());
        }
    }

    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.drain(cx)
    }
}

async fn tick<S: ScheduledService>(service: &S, cx: &Context) {
    let cell = cx.cell();
    cell.enter(Phase::Tick);
    let result = service.tick(cx).await;
    cell.enter(Phase::Idle);
    cell.ticks.fetch_add(1, Ordering::Relaxed);
    if let Err(error) = result {
        cell.tick_failures.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(target: "lifecycle", service = %cell.name, %error, "tick failed");
    }
}

fn interval_of<S: ScheduledService>(service: &S) -> Result<Duration, ScheduleError> {
    let interval = service.interval();
    if interval.is_zero() {
        return Err(ScheduleError::ZeroInterval { field: S::INTERVAL });
    }
    Ok(interval)
}
