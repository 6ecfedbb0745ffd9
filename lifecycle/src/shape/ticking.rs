//! The loop of every schedule: a tick when its course says so or somebody asks for one, never two at
//! once, none once the stop is requested.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::scheduled::Scheduled;
use crate::context::Context;
use crate::error::{Result, ScheduleError};
use crate::schedule::Plan;
use crate::status::Phase;
use crate::ticks::Ticks;

/// Where a schedule of a service of type `S` stands. It reads what it needs to know of the service
/// before each wait.
pub(super) trait Course<S>: Sized {
    /// What the attribute fixes.
    const PLAN: Plan;

    /// The service is running from now on.
    fn new(service: &S, cx: &Context) -> Result<Self, ScheduleError>;

    /// When the next tick is due; none when none will ever be.
    fn due(&self) -> Option<Instant>;

    /// When to look; none for never.
    fn wake(&self) -> Option<Instant>;

    /// Whether a tick begins now.
    fn look(&mut self, service: &S, cx: &Context) -> Result<bool, ScheduleError>;

    /// A tick has ended, one that was due or one that was asked for.
    fn end(&mut self, service: &S, cx: &Context) -> Result<(), ScheduleError>;

    /// How long a tick may take.
    fn tick_timeout(&self) -> Option<Duration>;
}

pub(super) async fn run<S: Scheduled, C: Course<S>>(service: &S, cx: &Context) -> Result {
    let cell = cx.cell();
    cell.enter(Phase::Idle);
    let Some(ticks) = cell.ticks.as_deref() else {
        return Ok(());
    };
    // Whichever way the loop ends, by itself or dropped, nobody waits for a tick any more.
    let _closed = CloseOnDrop(ticks);
    run_loop::<S, C>(service, cx, ticks).await
}

async fn run_loop<S: Scheduled, C: Course<S>>(service: &S, cx: &Context, ticks: &Ticks) -> Result {
    let mut stopped = pin!(cx.cell().stop.closed());
    let mut course = C::new(service, cx)?;
    let mut timer = pin!(sleep_until(course.wake().unwrap_or_else(Instant::now)));
    loop {
        ticks.planned(course.due());
        tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            () = &mut timer, if course.wake().is_some() => {
                if !course.look(service, cx)? {
                    reset(timer.as_mut(), course.wake());
                    continue;
                }
            }
            () = ticks.asked_for() => {
                // The tick that was asked for may have been the last one.
                if ticks.nobody_asks() {
                    continue;
                }
            }
        }
        tick(service, cx, ticks, course.tick_timeout(), &C::PLAN).await?;
        course.end(service, cx)?;
        reset(timer.as_mut(), course.wake());
    }
}

fn reset(timer: Pin<&mut Sleep>, wake: Option<Instant>) {
    if let Some(wake) = wake {
        timer.reset(wake);
    }
}

/// One tick, for the schedule and for those who have asked for it. `Err` ends the service.
async fn tick<S: Scheduled>(
    service: &S,
    cx: &Context,
    ticks: &Ticks,
    limit: Option<Duration>,
    plan: &Plan,
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
    if plan.gives_up_after(in_a_row) {
        return Err(error);
    }
    cell.enter(Phase::Idle);
    Ok(())
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
