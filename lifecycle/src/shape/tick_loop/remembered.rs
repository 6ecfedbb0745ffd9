//! The loop of a schedule with `catch_up`: a tick begins once the memory has begun its point, and the point is ended
//! when the tick has returned.
//!
//! It is a loop of its own, because every other schedule would pay for the waits for a memory.
//!
//! # Invariants
//!
//! - A tick that is due runs only after `begin` was answered with `true` for its point and attempt. So of all calls that
//!   ever ask for them, by whatever process, one runs the tick.
//! - A point is left begun and not ended only if its tick did not return: it was dropped at a stop, it panicked, or the
//!   process ended. The next run finds that, and makes another attempt.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::next_turn::{NextTurn, Turn};
use super::one_tick::{TickLimit, tick};
use super::{Ended, show};
use crate::panics::log_safely;
use crate::report::error::{OptionError, Result};
use crate::report::event::EventKind;
use crate::report::point::Point;
use crate::report::status::Phase;
use crate::shape::scheduled::Scheduled;
use crate::shared::context::Context;
use crate::shared::remembering::{Asked, Remembering};
use crate::shared::tick_facts::TickFacts;
use crate::shared::trigger_calls::TriggerCalls;
use crate::store::Remembered;
use crate::time::catch_up::{CatchUp, Next, Skipped, Values, WhySkipped};
use crate::time::moment::{Epoch, Moment};
use crate::time::point::Point as TickPoint;
use crate::time::{CLOCK_CHECK, Missed, Plan};

/// Reads the values of a schedule of a service of type `S`.
pub(in crate::shape) trait ReadValues<S>: Default {
    /// The options that the attribute fixes.
    const PLAN: Plan;

    /// The service's values now.
    fn read(&mut self, service: &S) -> Result<Values, OptionError>;
}

/// A clock that is so far behind the last point was set back, or the other one was wrong.
const AHEAD: Duration = Duration::from_secs(60);

/// Runs until the stop is requested, or until a failed tick, or a memory that no retry can mend, fails the service.
pub(in crate::shape) async fn run<S: Scheduled + Sync, R: ReadValues<S> + Send>(
    service: &S,
    cx: &Context,
) -> Result {
    cx.run().enter(Phase::Idle);
    let Some(ticks) = cx.instance().ticks() else {
        return Ok(());
    };
    // First, because it answers those who wait for a tick, should the schedule be wrong.
    let next = NextTurn::new(cx, ticks);
    let mut reader = R::default();
    let values = reader.read(service)?;
    let memory = Remembering::new(cx, ticks)?;
    let Asked::Answered(last) = memory.open().await? else {
        return Ok(());
    };
    let is_burst = R::PLAN.missed == Missed::Burst;
    let mut turns = Turns {
        service,
        cx,
        ticks,
        epoch: cx.application().epoch(),
        reader,
        schedule: CatchUp::new(values, is_burst, last.point, last.ended),
        next,
        limit: TickLimit::default(),
        calls: TriggerCalls::default(),
        refuses: false,
        unsure: None,
    };
    turns.warn_if_ahead();
    turns.plan();
    loop {
        let turn = poll_fn(|task| turns.next.poll(task)).await;
        let point = match turn {
            Turn::Stopped => return Ok(()),
            Turn::Told => {
                turns.hear();
                continue;
            }
            Turn::Asked => None,
            Turn::Due => match turns.due() {
                None => continue,
                due => due,
            },
        };
        if let Some((point, _)) = point {
            match memory.try_begin(point).await? {
                Asked::Answered(true) => turns.schedule.begin(point),
                Asked::Failed => {
                    turns.not_answered(point);
                    continue;
                }
                Asked::Answered(false) => {
                    let Asked::Answered(last) = memory.open().await? else {
                        return Ok(());
                    };
                    turns.refused(point, last);
                    continue;
                }
                Asked::Stopped => return Ok(()),
            }
            ticks.begun_point(point);
        }
        if !turns.begin(point) {
            continue;
        }
        cx.run().enter(Phase::Tick);
        let result = tick(service, cx, || R::PLAN.on_panic, &mut turns.limit).await;
        if let Some((point, _)) = point {
            memory.end(point).await?;
        }
        turns.end(result)?;
    }
}

/// The loop, but for its waits.
struct Turns<'a, S, R> {
    service: &'a S,
    cx: &'a Context,
    ticks: &'a TickFacts,
    epoch: Epoch,
    reader: R,
    schedule: CatchUp,
    next: NextTurn<'a>,
    limit: TickLimit,
    /// The calls that the tick in flight will answer.
    calls: TriggerCalls,
    /// The service's values can't be followed.
    refuses: bool,
    /// The memory was asked to begin this point, and did not answer.
    unsure: Option<Point>,
}

impl<S, R: ReadValues<S>> Turns<'_, S, R> {
    /// The point that is due, and how many it stands for as well. If none is, plans the next turn.
    fn due(&mut self) -> Option<(Point, u64)> {
        self.read();
        if self.ticks.is_paused() {
            let now = self.epoch.now();
            self.next.timer.set(now.after(CLOCK_CHECK), now);
            return None;
        }
        self.plan()
    }

    /// A point is never begun before one that was, so a clock that is behind makes the schedule wait.
    fn warn_if_ahead(&self) {
        let ahead = self.schedule.ahead(self.wall());
        if ahead > AHEAD {
            log_safely!(
                warn,
                service = %self.cx.name(),
                ?ahead,
                "the last point that is remembered lies ahead of the clock: no tick comes before the next one"
            );
        }
    }

    /// Whether the tick begins. It does not if the schedule was paused at this moment.
    fn begin(&mut self, point: Option<(Point, u64)>) -> bool {
        let (now, wall) = (self.epoch.now(), self.wall());
        let facts = point.map(|(point, missed)| TickPoint {
            due: moment_of(point.at, now, wall),
            time: Some(point.at),
            missed,
        });
        let begins = self.ticks.begun(now, Some(wall), facts, &mut self.calls);
        if let (false, Some((point, _))) = (begins, point) {
            self.schedule.leave_open(point);
            self.next.timer.set(now.after(CLOCK_CHECK), now);
        }
        if let (true, Some(limit)) = (begins, self.schedule.tick_timeout()) {
            self.limit.set(limit);
        }
        begins
    }

    /// Whether the memory has begun the point is not known.
    fn not_answered(&mut self, point: Point) {
        self.unsure = Some(point);
        self.plan();
    }

    /// The memory has refused the point, and knows of this one. It may be ours, begun by a call whose answer was lost:
    /// then its tick did not run.
    fn refused(&mut self, point: Point, last: Remembered) {
        let is_ours = self.unsure == Some(point) && last.point == point && !last.ended;
        if is_ours {
            self.schedule.leave_open(point);
        } else {
            self.schedule.learn(last.point.at.max(point.at));
        }
        self.unsure = None;
        self.plan();
    }

    fn end(&mut self, result: Result) -> Result {
        self.schedule.end(self.wall());
        self.read();
        let now = self.epoch.now();
        self.plan();
        let ended = Ended {
            result,
            now,
            due: self.due_at(now),
        };
        ended.note(self.cx, self.ticks, &mut self.calls, &R::PLAN)
    }

    fn hear(&mut self) {
        let told = self.ticks.hear();
        self.read();
        if told.is_resumed() {
            // The pause was asked for, and so was what it left out.
            if let Some(skipped) = self.schedule.next(self.wall()).0 {
                self.tell(skipped);
            }
        }
        self.plan();
    }

    fn tell(&self, skipped: Skipped) {
        let Skipped { count, why } = skipped;
        let why: Arc<str> = match why {
            WhySkipped::TooOld(window) => {
                format!("they are older than the `catch_up` of {window:?}").into()
            }
            WhySkipped::TooMany => "only the newest 100 are made up for".into(),
        };
        self.cx.tell(EventKind::PointsSkipped { count, why });
    }

    /// Sets the timer for what is due next, and shows it. Returns what is due now.
    fn plan(&mut self) -> Option<(Point, u64)> {
        let (now, wall) = (self.epoch.now(), self.wall());
        let (skipped, next) = self.schedule.next(wall);
        if let Some(skipped) = skipped {
            self.ticks.skipped(skipped.count);
            self.tell(skipped);
        }
        self.ticks.look_ahead(self.schedule.outlook());
        let due = due_at(&next, now, wall);
        self.ticks.planned(due);
        self.next.timer.set(due.min(now.after(CLOCK_CHECK)), now);
        match next {
            Next::Tick { point, missed } => Some((point, missed)),
            Next::At(_) | Next::Never => None,
        }
    }

    fn due_at(&mut self, now: Moment) -> Moment {
        let wall = self.wall();
        due_at(&self.schedule.next(wall).1, now, wall)
    }

    /// Reads the service's values, and shows in the status whether the schedule can follow them.
    fn read(&mut self) {
        let wall = self.wall();
        match self.reader.read(self.service) {
            Ok(values) => {
                self.schedule.change(values, wall);
                if self.refuses {
                    self.refuses = show(self.cx, self.ticks, Ok(()));
                }
            }
            Err(error) => self.refuses = show(self.cx, self.ticks, Err(error)),
        }
    }

    fn wall(&self) -> SystemTime {
        self.cx.application().wall_time()
    }
}

/// When the next tick is due.
fn due_at(next: &Next, now: Moment, wall: SystemTime) -> Moment {
    match next {
        Next::Tick { .. } => now,
        Next::At(time) => now.after(time.duration_since(wall).unwrap_or_default()),
        Next::Never => Moment::NEVER,
    }
}

/// The moment at which the wall clock showed this, if it was not set since.
fn moment_of(time: SystemTime, now: Moment, wall: SystemTime) -> Moment {
    now.before(wall.duration_since(time).unwrap_or_default())
}
