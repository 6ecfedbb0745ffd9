//! The loop of every schedule: a tick when one is due or triggered, never two at once, and none once the
//! stop is requested.
//!
//! The loop is generic over the service, so rustc compiles it in the user's crate. The functions that it
//! calls at every tick are marked `#[inline]`, so that rustc can inline them there.

mod gap;
mod next_turn;
pub(super) mod remembered;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use self::gap::Gap;
use self::next_turn::{NextTurn, Turn};
use super::scheduled::Scheduled;
use crate::panics::{self, Panic};
use crate::report::error::{self, OptionError, Result};
use crate::report::event::EventKind;
use crate::report::status::Phase;
use crate::shared::context::Context;
use crate::shared::tick_facts::TickFacts;
use crate::shared::trigger_calls::TriggerCalls;
use crate::time::outlook::Outlook;
use crate::time::point::Point;
use crate::time::{CLOCK_CHECK, OnPanic, Plan};

/// A schedule of a service of type `S`. It reads the service's values before each wait.
pub(super) trait Schedule<S>: Sized {
    /// The options that the attribute fixes.
    const PLAN: Plan;

    /// The schedule of a service that is running from now on.
    fn new(service: &S, cx: &Context) -> Result<Self, OptionError>;

    /// When the next tick is due; `None` when none will follow.
    fn due(&self) -> Option<Instant>;

    /// When the loop must call [`point`](Self::point) again: a minute after now at most.
    fn wake_at(&self, now: Instant) -> Instant;

    /// What a tick that begins now is for, if one is due; and whether the service's values can be followed, if
    /// they were read.
    fn point(
        &mut self,
        service: &S,
        cx: &Context,
        now: Instant,
    ) -> (Option<Point>, Option<ReadResult>);

    /// The tick for this point begins.
    fn begin(&mut self, point: Point);

    /// Reads the service's values while no tick is in flight, and begins none.
    fn read(&mut self, service: &S, cx: &Context, now: Instant) -> ReadResult;

    /// Ticks may begin by themselves again: applies the rule for missed points to those that have passed.
    fn resume(&mut self, cx: &Context, now: Instant);

    /// A tick has just ended, one that was due or one that was triggered.
    fn end(&mut self, service: &S, cx: &Context, now: Instant) -> ReadResult;

    /// What the ticks after the next one are counted from, if that has changed since this was called last.
    fn new_outlook(&mut self) -> Option<Outlook>;

    /// How many points have passed, and have no tick of their own, since this was called last.
    fn take_left_out(&mut self) -> u64;

    /// How long a tick may take.
    fn tick_timeout(&self) -> Option<Duration>;
}

/// The result of reading the service's values. On an error the schedule goes on with the old ones.
pub(super) type ReadResult = Result<(), OptionError>;

/// Runs until the stop is requested, or until a failed tick fails the service.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice"
)]
pub(super) fn run<S: Scheduled + Sync, C: Schedule<S> + Send>(
    service: &S,
    cx: &Context,
) -> impl Future<Output = Result> + Send {
    async move {
        let run = cx.run();
        run.enter(Phase::Idle);
        let Some(ticks) = cx.instance().ticks() else {
            return Ok(());
        };
        let mut turns = Turns::<S, C>::new(service, cx, ticks)?;
        loop {
            let turn = poll_fn(|task| turns.next.poll(task)).await;
            if let Turn::Stopped = turn {
                return Ok(());
            }
            let Some(calls) = turns.begin(turn) else {
                continue;
            };
            run.enter(Phase::Tick);
            let result = match (C::PLAN.on_panic, turns.schedule.tick_timeout()) {
                (OnPanic::Continue, limit) => tick_caught(service, cx, limit).await,
                (OnPanic::Fail, None) => service.tick(cx).await,
                (OnPanic::Fail, Some(limit)) => match timeout(limit, service.tick(cx)).await {
                    Ok(result) => result,
                    Err(_) => Err(TickTimeout(limit).into()),
                },
            };
            turns.end(result, calls)?;
        }
    }
}

/// The loop of a schedule, but for its waits.
struct Turns<'a, S, C> {
    service: &'a S,
    cx: &'a Context,
    ticks: &'a TickFacts,
    schedule: C,
    next: NextTurn<'a>,
    /// The service's values can't be followed.
    refuses: bool,
}

impl<'a, S, C: Schedule<S>> Turns<'a, S, C> {
    fn new(service: &'a S, cx: &'a Context, ticks: &'a TickFacts) -> Result<Self> {
        // First, because it answers those who wait for a tick, should the schedule be wrong.
        let next = NextTurn::new(cx, ticks);
        let schedule = C::new(service, cx)?;
        let mut turns = Self {
            service,
            cx,
            ticks,
            schedule,
            next,
            refuses: false,
        };
        turns.plan(Instant::now());
        Ok(turns)
    }

    /// A tick begins, or there is none in this turn. Returns the calls that it will answer.
    #[inline]
    fn begin(&mut self, turn: Turn) -> Option<TriggerCalls> {
        let now = Instant::now();
        let point = match turn {
            Turn::Due => Some(self.point(now)?),
            Turn::Asked => None,
            Turn::Told | Turn::Stopped => {
                self.hear(now);
                return None;
            }
        };
        let wall = self.cx.application().wall_time();
        let calls = self.ticks.begun(now, wall, point);
        match (&calls, point) {
            (Some(_), Some(point)) => {
                self.schedule.begin(point);
                self.note_missed(Gap::HeldUp);
            }
            (Some(_), None) => {}
            (None, _) => self.hold(now),
        }
        calls
    }

    /// What the tick that is due is for. If none is due, plans the next turn.
    #[inline]
    fn point(&mut self, now: Instant) -> Option<Point> {
        let (point, read) = self.schedule.point(self.service, self.cx, now);
        if let Some(read) = read {
            self.show(read);
        }
        if point.is_none() {
            self.plan(now);
        }
        point
    }

    /// A tick is due, and the schedule is paused: reads the values within a minute, as if none was due.
    #[cold]
    fn hold(&mut self, now: Instant) {
        self.read(now);
        self.next.timer.set(now + CLOCK_CHECK);
    }

    /// Does what the loop was told.
    #[cold]
    fn hear(&mut self, now: Instant) {
        let told = self.ticks.hear();
        self.read(now);
        if told.is_resumed() {
            self.schedule.resume(self.cx, now);
            // The pause was asked for, and so was what it left out.
            self.schedule.take_left_out();
        }
        self.plan(now);
    }

    fn read(&mut self, now: Instant) {
        let read = self.schedule.read(self.service, self.cx, now);
        self.show(read);
    }

    /// A tick has ended, with this result. `Err` fails the service.
    #[inline]
    fn end(&mut self, result: Result, calls: TriggerCalls) -> Result {
        let now = Instant::now();
        let read = self.schedule.end(self.service, self.cx, now);
        self.show(read);
        let ended = Ended {
            result,
            calls,
            now,
            due: self.schedule.due(),
        };
        ended.note(self.cx, self.ticks, &C::PLAN)?;
        self.note_missed(Gap::Overrun);
        self.look_ahead();
        self.next.timer.set(self.schedule.wake_at(now));
        Ok(())
    }

    #[inline]
    fn look_ahead(&mut self) {
        if let Some(outlook) = self.schedule.new_outlook() {
            self.ticks.look_ahead(outlook);
        }
    }

    #[inline]
    fn note_missed(&mut self, gap: Gap) {
        let count = self.schedule.take_left_out();
        if count > 0 {
            gap.tell(self.cx, self.ticks, count);
        }
    }

    /// Plans the next turn, and shows when the next tick is due.
    fn plan(&mut self, now: Instant) {
        self.note_missed(Gap::HeldUp);
        self.look_ahead();
        self.ticks.planned(self.schedule.due());
        self.next.timer.set(self.schedule.wake_at(now));
    }

    /// Shows in the status whether the schedule follows the service's values, and tells of a change of that.
    #[inline]
    fn show(&mut self, read: ReadResult) {
        match read {
            Ok(()) if !self.refuses => {}
            Ok(()) => {
                self.refuses = false;
                if self.ticks.accept() {
                    self.cx.tell(EventKind::Recovered);
                }
            }
            Err(error) => {
                self.refuses = true;
                if let Some(why) = self.ticks.refuse(error) {
                    self.cx.tell(EventKind::Degraded { why });
                }
            }
        }
    }
}

/// One tick under `on_panic = continue`: a panic becomes its error, also one of the destructor, when the tick is
/// dropped because it takes too long.
async fn tick_caught<S: Scheduled + Sync>(
    service: &S,
    cx: &Context,
    limit: Option<Duration>,
) -> Result {
    let mut tick = pin!(Some(async { service.tick(cx).await }));
    let caught = poll_fn(|task| match tick.as_mut().as_pin_mut() {
        Some(tick) => panics::catch_poll(tick, task),
        None => Poll::Pending,
    });
    let ended = match limit {
        None => caught.await,
        Some(limit) => timeout(limit, caught)
            .await
            .unwrap_or_else(|_| Ok(Err(TickTimeout(limit).into()))),
    };
    match (ended, panics::catch(|| tick.set(None))) {
        (Ok(result), Ok(())) => result,
        (Err(Panic(message)), _) | (_, Err(Panic(message))) => Err(TickPanic(message).into()),
    }
}

/// A tick that has ended, and its result.
struct Ended {
    result: Result,
    calls: TriggerCalls,
    now: Instant,
    /// When the next tick is due.
    due: Option<Instant>,
}

impl Ended {
    /// Records the tick for probes and answers the callers that triggered it. `Err` fails the service.
    #[inline]
    fn note(self, cx: &Context, ticks: &TickFacts, plan: &Plan) -> Result {
        let Self { now, due, .. } = self;
        let Err(error) = self.result else {
            ticks.succeeded(now, due);
            if cx.application().is_observed() {
                tell(cx, ticks, None);
            }
            self.calls.answer(&Ok(()));
            cx.run().enter(Phase::Idle);
            return Ok(());
        };
        let text: Arc<str> = error::chain(error.as_ref()).into();
        let in_a_row = ticks.failed(now, due, text.clone());
        tell(cx, ticks, Some(text.clone()));
        self.calls.answer(&Err(text));
        if plan.gives_up_after(in_a_row) {
            return Err(error);
        }
        cx.run().enter(Phase::Idle);
        Ok(())
    }
}

/// Tells that the tick has ended. Not generic, so that it is compiled once.
#[cold]
fn tell(cx: &Context, ticks: &TickFacts, error: Option<Arc<str>>) {
    let took = ticks.took();
    cx.tell(EventKind::TickEnded { took, error });
}

/// The tick was dropped: it took longer than its `tick_timeout`.
#[derive(Debug, thiserror::Error)]
#[error("the tick was dropped: it took longer than {0:?}")]
struct TickTimeout(Duration);

/// The tick panicked, under `on_panic = continue`.
#[derive(Debug, thiserror::Error)]
#[error("`tick` panicked: {0}")]
struct TickPanic(String);
