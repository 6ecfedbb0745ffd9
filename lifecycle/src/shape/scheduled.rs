//! The scheduled shape: a tick on a fixed grid, never two at once, none once the stop is requested.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::Live;
use crate::context::Context;
use crate::error::{Result, ScheduleError};
use crate::schedule::{Plan, Timeline, Timing};
use crate::status::{Phase, Shape};
use crate::ticks::Ticks;

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

/// What `#[service(scheduled(..))]` implements: the bound is what asks for the hooks. Durations are
/// read when they are needed, so that a change of the configuration takes effect.
pub trait ScheduledService: Scheduled {
    /// What the attribute fixes.
    const PLAN: Plan;

    /// The interval or the delay.
    fn period(&self) -> Duration;

    /// `initial_delay = ..`
    fn initial_delay(&self) -> Option<Duration> {
        None
    }

    /// `jitter = ..`
    fn jitter(&self) -> Duration {
        Duration::ZERO
    }

    /// `tick_timeout = ..`
    fn tick_timeout(&self) -> Option<Duration> {
        None
    }
}

/// The shape of `#[service(scheduled(..))]`.
#[derive(Debug)]
pub struct ScheduledShape;

impl<S: ScheduledService> Live<S> for ScheduledShape {
    const SHAPE: Shape = Shape::Scheduled;

    /// A schedule that can't be followed is not worth starting for.
    fn check(service: &S) -> Result {
        timing(service)?;
        Ok(())
    }

    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.startup(cx)
    }

    async fn run(service: &S, cx: &Context) -> Result {
        let cell = cx.cell();
        cell.enter(Phase::Idle);
        let Some(ticks) = cell.ticks.as_deref() else {
            return Ok(());
        };
        // Whichever way the loop ends, by itself or dropped, nobody waits for a tick any more.
        let _closed = CloseOnDrop(ticks);
        run_loop(service, cx, ticks).await
    }

    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.drain(cx)
    }
}

async fn run_loop<S: ScheduledService>(service: &S, cx: &Context, ticks: &Ticks) -> Result {
    let mut stopped = pin!(cx.cell().stop.closed());
    let mut plan = timing(service)?;
    let mut timeline = Timeline::new(S::PLAN, plan, service.initial_delay(), Instant::now());
    let mut timer = pin!(sleep_until(timeline.due().unwrap_or_else(Instant::now)));
    ticks.planned(timeline.due());
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            () = &mut timer, if timeline.due().is_some() => timeline.begin(Instant::now(), plan),
            () = ticks.asked_for() => {
                // The tick that was asked for may have been the last one.
                if ticks.nobody_asks() {
                    continue;
                }
            }
        }
        tick(service, cx, ticks, plan.tick_timeout).await?;
        plan = timing(service)?;
        timeline.end(Instant::now(), plan);
        ticks.planned(timeline.due());
        if let Some(due) = timeline.due() {
            timer.as_mut().reset(due);
        }
    }
}

/// One tick, for the schedule and for those who have asked for it. `Err` ends the service.
async fn tick<S: ScheduledService>(
    service: &S,
    cx: &Context,
    ticks: &Ticks,
    limit: Option<Duration>,
) -> Result {
    let cell = cx.cell();
    let asked = ticks.take_asked();
    cell.enter(Phase::Tick);
    ticks.begun(Instant::now());
    let result = match limit {
        None => service.tick(cx).await,
        Some(limit) => match timeout(limit, service.tick(cx)).await {
            Ok(result) => result,
            Err(_) => Err(TickTimeout(limit).into()),
        },
    };
    let Err(error) = result else {
        ticks.succeeded(Instant::now());
        asked.answer(&Ok(()));
        cell.enter(Phase::Idle);
        return Ok(());
    };
    tracing::warn!(target: "lifecycle", service = %cell.name, %error, "tick failed");
    let text: Arc<str> = error.to_string().into();
    let in_a_row = ticks.failed(Instant::now(), text.clone(), error.is::<TickTimeout>());
    asked.answer(&Err(text));
    if S::PLAN.gives_up_after(in_a_row) {
        return Err(error);
    }
    cell.enter(Phase::Idle);
    Ok(())
}

fn timing<S: ScheduledService>(service: &S) -> Result<Timing, ScheduleError> {
    let timing = Timing {
        period: service.period(),
        jitter: service.jitter(),
        tick_timeout: service.tick_timeout(),
    };
    timing.check(&S::PLAN)
}

/// The tick was dropped: it took longer than its `tick_timeout`.
#[derive(Debug, thiserror::Error)]
#[error("the tick was dropped: it took longer than {0:?}")]
struct TickTimeout(Duration);

struct CloseOnDrop<'a>(&'a Ticks);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
