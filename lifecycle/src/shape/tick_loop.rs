//! The loop of every schedule: a tick when one is due or triggered, never two at once, and none once the
//! stop is requested.
//!
//! rustc compiles in the user's crate what is generic over the service: [`run`], and the [`tick`](one_tick::tick) that it
//! waits for. All else is written for the two kinds of schedule, so that no service has a copy of its own.

mod gap;
mod next_turn;
pub(super) mod one_tick;
pub(super) mod remembered;

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use self::gap::Gap;
use self::next_turn::{NextTurn, Turn};
use self::one_tick::{TickLimit, tick};
use super::scheduled::Scheduled;
use crate::report::error::{self, OptionError, Result};
use crate::report::event::EventKind;
use crate::report::status::Phase;
use crate::shared::context::Context;
use crate::shared::tick_facts::TickFacts;
use crate::shared::trigger_calls::TriggerCalls;
use crate::time::moment::{Epoch, Moment};
use crate::time::outlook::Outlook;
use crate::time::point::Point;
use crate::time::{CLOCK_CHECK, Plan};

/// A schedule. It reads the service's values before each wait.
pub(super) trait Schedule: Sized {
    /// What it reads them from: the service, behind a pointer.
    type Source<'a>: ?Sized + Sync + 'a;

    /// The schedule of a service that is running from now on.
    fn new(
        source: &Self::Source<'_>,
        plan: &'static Plan,
        cx: &Context,
        now: Moment,
    ) -> Result<Self, OptionError>;

    /// When the next tick is due; `NEVER` when none will follow.
    fn due(&self) -> Moment;

    /// When the loop must call [`point`](Self::point) again: a minute after now at most.
    fn wake_at(&self, now: Moment) -> Moment;

    /// What a tick that begins now is for, if one is due; and whether the service's values can be followed, if
    /// they were read.
    fn point(
        &mut self,
        source: &Self::Source<'_>,
        cx: &Context,
        now: Moment,
    ) -> (Option<Point>, Option<ReadResult>);

    /// The tick for this point begins.
    fn begin(&mut self, point: Point);

    /// Reads the service's values while no tick is in flight, and begins none.
    fn read(&mut self, source: &Self::Source<'_>, cx: &Context, now: Moment) -> ReadResult;

    /// Ticks may begin by themselves again: applies the rule for missed points to those that have passed.
    fn resume(&mut self, cx: &Context, now: Moment);

    /// A tick has just ended, one that was due or one that was triggered.
    fn end(&mut self, source: &Self::Source<'_>, cx: &Context, now: Moment) -> ReadResult;

    /// What the ticks after the next one are counted from, if that has changed since this was called last.
    fn new_outlook(&mut self) -> Option<Outlook>;

    /// How many points have passed, and have no tick of their own, since this was called last.
    fn take_left_out(&mut self) -> u64;

    /// How long a tick may take.
    fn tick_timeout(&self) -> Option<Duration>;
}

/// The result of reading the service's values. On an error the schedule goes on with the old ones.
pub(super) type ReadResult = Result<(), OptionError>;

/// A service that has a schedule of this kind.
pub(super) trait HasSchedule<C: Schedule>: Scheduled + Sync {
    /// The options that the attribute fixes.
    const PLAN: &'static Plan;

    /// The service, as the schedule reads it.
    fn source(&self) -> &C::Source<'_>;
}

/// Runs until the stop is requested, or until a failed tick fails the service.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice"
)]
pub(super) fn run<S: HasSchedule<C>, C: Schedule + Send>(
    service: &S,
    cx: &Context,
) -> impl Future<Output = Result> + Send {
    async move {
        let Some(mut turns) = Turns::<C>::new(service.source(), cx, S::PLAN)? else {
            return Ok(());
        };
        while poll_fn(|task| turns.poll_begin(task)).await {
            let result = tick(service, cx, || S::PLAN.on_panic, &mut turns.limit).await;
            turns.end(result)?;
        }
        Ok(())
    }
}

/// The loop of a schedule, but for its ticks.
struct Turns<'a, C: Schedule> {
    source: &'a C::Source<'a>,
    cx: &'a Context,
    plan: &'static Plan,
    ticks: &'a TickFacts,
    epoch: Epoch,
    schedule: C,
    next: NextTurn<'a>,
    limit: TickLimit,
    /// The calls that the tick in flight will answer.
    calls: TriggerCalls,
    /// From then on the wall clock is read again.
    reads_wall: Moment,
    /// The service's values can't be followed.
    refuses: bool,
}

/// A time of the wall clock is computed from one that was read, for so long. The wall clock may be set meanwhile.
const WALL_READ: Duration = Duration::from_secs(1);

/// A test may have a wall clock of its own, and set it between two ticks: it is read at each.
const WALL_IS_SET: bool = cfg!(all(feature = "cron", feature = "test-util"));

impl<'a, C: Schedule> Turns<'a, C> {
    /// `None` if the service has no ticks.
    fn new(
        source: &'a C::Source<'a>,
        cx: &'a Context,
        plan: &'static Plan,
    ) -> Result<Option<Self>> {
        cx.run().enter(Phase::Idle);
        let Some(ticks) = cx.instance().ticks() else {
            return Ok(None);
        };
        // First, because it answers those who wait for a tick, should the schedule be wrong.
        let next = NextTurn::new(cx, ticks);
        let epoch = cx.application().epoch();
        let now = epoch.now();
        let schedule = C::new(source, plan, cx, now)?;
        let mut turns = Self {
            source,
            cx,
            plan,
            ticks,
            epoch,
            schedule,
            next,
            limit: TickLimit::default(),
            calls: TriggerCalls::default(),
            reads_wall: now,
            refuses: false,
        };
        turns.plan(now);
        Ok(Some(turns))
    }

    /// Ready when a tick begins, or with `false` when the stop is requested.
    fn poll_begin(&mut self, task: &mut task::Context<'_>) -> Poll<bool> {
        loop {
            match ready!(self.next.poll(task)) {
                Turn::Stopped => return Poll::Ready(false),
                turn if self.begin(turn) => return Poll::Ready(true),
                _ => {}
            }
        }
    }

    /// Whether a tick begins in this turn.
    fn begin(&mut self, turn: Turn) -> bool {
        let now = self.epoch.now();
        let point = match turn {
            Turn::Due => match self.point(now) {
                None => return false,
                point => point,
            },
            Turn::Asked => None,
            Turn::Told | Turn::Stopped => {
                self.hear(now);
                return false;
            }
        };
        let application = self.cx.application();
        let reads_wall = WALL_IS_SET || point.is_none() || self.reads_wall <= now;
        let wall = reads_wall.then(|| {
            self.reads_wall = now.after(WALL_READ);
            application.wall_time()
        });
        if !self.ticks.begun(now, wall, point, &mut self.calls) {
            self.hold(now);
            return false;
        }
        if let Some(point) = point {
            self.schedule.begin(point);
            self.note_missed(Gap::HeldUp);
        }
        self.cx.run().enter(Phase::Tick);
        if let Some(limit) = self.schedule.tick_timeout() {
            self.limit.set(limit);
        }
        true
    }

    /// What the tick that is due is for. If none is due, plans the next turn.
    fn point(&mut self, now: Moment) -> Option<Point> {
        let (point, read) = self.schedule.point(self.source, self.cx, now);
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
    fn hold(&mut self, now: Moment) {
        self.read(now);
        self.next.timer.set(now.after(CLOCK_CHECK), now);
    }

    /// Does what the loop was told.
    #[cold]
    fn hear(&mut self, now: Moment) {
        let told = self.ticks.hear();
        self.read(now);
        if told.is_resumed() {
            self.schedule.resume(self.cx, now);
            // The pause was asked for, and so was what it left out.
            self.schedule.take_left_out();
        }
        self.plan(now);
    }

    fn read(&mut self, now: Moment) {
        let read = self.schedule.read(self.source, self.cx, now);
        self.show(read);
    }

    /// A tick has ended, with this result. `Err` fails the service.
    fn end(&mut self, result: Result) -> Result {
        let now = self.epoch.now();
        let read = self.schedule.end(self.source, self.cx, now);
        self.show(read);
        let ended = Ended {
            result,
            now,
            due: self.schedule.due(),
        };
        ended.note(self.cx, self.ticks, &mut self.calls, self.plan)?;
        self.note_missed(Gap::Overrun);
        self.look_ahead();
        self.next.timer.set(self.schedule.wake_at(now), now);
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
    #[cold]
    fn plan(&mut self, now: Moment) {
        self.note_missed(Gap::HeldUp);
        self.look_ahead();
        self.ticks.planned(self.schedule.due());
        self.next.timer.set(self.schedule.wake_at(now), now);
    }

    /// Shows in the status whether the schedule follows the service's values, and tells of a change of that.
    #[inline]
    fn show(&mut self, read: ReadResult) {
        if read.is_err() || self.refuses {
            self.refuses = show(self.cx, self.ticks, read);
        }
    }
}

/// Shows in the status whether the schedule follows the service's values, and tells of a change of that. Returns
/// whether it does not.
#[cold]
fn show(cx: &Context, ticks: &TickFacts, read: ReadResult) -> bool {
    let Err(error) = read else {
        if ticks.accept() {
            cx.tell(EventKind::Recovered);
        }
        return false;
    };
    if let Some(why) = ticks.refuse(error) {
        cx.tell(EventKind::Degraded { why });
    }
    true
}

/// A tick that has ended, and its result.
struct Ended {
    result: Result,
    now: Moment,
    /// When the next tick is due.
    due: Moment,
}

impl Ended {
    /// Records the tick for probes and answers the callers that triggered it. `Err` fails the service.
    #[inline]
    fn note(
        self,
        cx: &Context,
        ticks: &TickFacts,
        calls: &mut TriggerCalls,
        plan: &Plan,
    ) -> Result {
        let Self { now, due, .. } = self;
        let Err(error) = self.result else {
            ticks.succeeded(now, due);
            if cx.application().is_observed() {
                tell(cx, ticks, None);
            }
            calls.answer(&Ok(()));
            cx.run().enter(Phase::Idle);
            return Ok(());
        };
        let text: Arc<str> = error::chain(error.as_ref()).into();
        let in_a_row = ticks.failed(now, due, text.clone());
        tell(cx, ticks, Some(text.clone()));
        calls.answer(&Err(text));
        if plan.gives_up_after(in_a_row) {
            return Err(error);
        }
        cx.run().enter(Phase::Idle);
        Ok(())
    }
}

#[cold]
fn tell(cx: &Context, ticks: &TickFacts, error: Option<Arc<str>>) {
    let took = ticks.took();
    cx.tell(EventKind::TickEnded { took, error });
}
