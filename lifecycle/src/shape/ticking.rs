//! The loop of every schedule: a tick when its course says so or somebody asks for one, never two at
//! once, none once the stop is requested.
//!
//! The loop is compiled where the service is, in the user's crate; the functions of this crate that
//! it calls at every tick are marked `#[inline]`, so that they can be compiled there as well.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::scheduled::Scheduled;
use crate::context::Context;
use crate::error::{Result, ScheduleError};
use crate::gate::Watch;
use crate::schedule::Plan;
use crate::status::Phase;
use crate::ticks::{Askers, TickResult, Ticks};

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
    fn look(&mut self, service: &S, cx: &Context, now: Instant) -> Result<bool, ScheduleError>;

    /// A tick has just ended, one that was due or one that was asked for.
    fn end(&mut self, service: &S, cx: &Context, now: Instant) -> Result<(), ScheduleError>;

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
    let stop = &cx.cell().stop;
    let closing = pin!(stop.closing());
    let mut stopped = Watch::new(stop, closing);
    let mut course = C::new(service, cx)?;
    let mut timer = pin!(sleep_until(course.wake().unwrap_or_else(Instant::now)));
    ticks.planned(course.due());
    loop {
        let turn = poll_fn(|task| {
            let timer = course.wake().map(|_| timer.as_mut());
            poll_turn(&mut stopped, timer, ticks, task)
        });
        let turn = turn.await;
        if let Turn::Stopped = turn {
            return Ok(());
        }
        let now = Instant::now();
        if matches!(turn, Turn::Due) && !course.look(service, cx, now)? {
            ticks.planned(course.due());
            reset(timer.as_mut(), course.wake());
            continue;
        }
        let asked = ticks.take_asked();
        // The tick that was asked for may have been the last one.
        if matches!(turn, Turn::Asked) && asked.is_none() {
            continue;
        }
        ticks.begun(now);
        let result = tick(service, cx, course.tick_timeout()).await;
        let now = Instant::now();
        let planned = course.end(service, cx, now);
        let ended = Ended {
            result,
            asked,
            now,
            due: course.due(),
        };
        ended.note(cx, ticks, &C::PLAN)?;
        planned?;
        reset(timer.as_mut(), course.wake());
    }
}

/// What the loop goes on for.
enum Turn {
    Stopped,
    Due,
    Asked,
}

/// By hand, and not by `select!`: it is most of what a tick costs.
fn poll_turn(
    stopped: &mut Watch<'_, impl Future<Output = ()>>,
    timer: Option<Pin<&mut Sleep>>,
    ticks: &Ticks,
    task: &mut Task<'_>,
) -> Poll<Turn> {
    // First, so that none begins once the service was asked to stop.
    if stopped.poll(task).is_ready() {
        return Poll::Ready(Turn::Stopped);
    }
    if timer.is_some_and(|timer| timer.poll(task).is_ready()) {
        return Poll::Ready(Turn::Due);
    }
    ticks.poll_bell(task).map(|()| Turn::Asked)
}

#[inline]
fn reset(timer: Pin<&mut Sleep>, wake: Option<Instant>) {
    if let Some(wake) = wake {
        timer.reset(wake);
    }
}

async fn tick<S: Scheduled>(service: &S, cx: &Context, limit: Option<Duration>) -> Result {
    cx.cell().enter(Phase::Tick);
    match limit {
        None => service.tick(cx).await,
        Some(limit) => match timeout(limit, service.tick(cx)).await {
            Ok(result) => result,
            Err(_) => Err(TickTimeout(limit).into()),
        },
    }
}

/// What has come of a tick.
struct Ended {
    result: Result,
    asked: Option<Askers>,
    now: Instant,
    /// When the next one is.
    due: Option<Instant>,
}

impl Ended {
    /// For probes, and for those who have asked. `Err` ends the service.
    #[inline]
    fn note(self, cx: &Context, ticks: &Ticks, plan: &Plan) -> Result {
        let Self { now, due, .. } = self;
        let Err(error) = self.result else {
            ticks.succeeded(now, due);
            answer(self.asked, &Ok(()));
            cx.cell().enter(Phase::Idle);
            return Ok(());
        };
        tracing::warn!(target: "lifecycle", service = cx.name(), %error, "tick failed");
        let text: Arc<str> = error.to_string().into();
        let in_a_row = ticks.failed(now, due, text.clone(), error.is::<TickTimeout>());
        answer(self.asked, &Err(text));
        if plan.gives_up_after(in_a_row) {
            return Err(error);
        }
        cx.cell().enter(Phase::Idle);
        Ok(())
    }
}

#[inline]
fn answer(asked: Option<Askers>, result: &TickResult) {
    if let Some(asked) = asked {
        asked.answer(result);
    }
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
