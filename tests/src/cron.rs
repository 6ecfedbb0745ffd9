//! A service scheduled by cron expression that notes the instants of its ticks, by a wall clock that the test sets.

use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use lifecycle::__private::{CronService, CronShape, Declared, First, Missed, Plan, Written, text};
use lifecycle::testing::WallClock;
use lifecycle::{Context, Registry, Result, Scheduled};

use crate::schedule::{Burst, Coalesce, Default, Immediate, Part, Planned, Skip};
use crate::trace::Trace;

impl<M: Part<Missed>, F: Part<First>> Planned for (M, F) {
    const PLAN: Plan = Plan::cron("cfg.cron").missed(M::IS).first(F::IS);
}

/// Writes to a [`Trace`].
#[derive(Debug)]
pub struct CronProbe<P> {
    trace: Trace,
    plan: PhantomData<P>,
}

impl<P: Planned> Declared for CronProbe<P> {
    type Shape = CronShape;
}

impl<P: Planned> CronService for CronProbe<P> {
    const PLAN: Plan = P::PLAN;
    const TZ: &'static str = "cfg.tz";

    fn cron(&self) -> Written {
        text(&self.trace.knobs().cron)
    }

    fn tz(&self) -> Written {
        text(&self.trace.knobs().tz)
    }

    fn initial_delay(&self) -> Option<Duration> {
        self.trace.knobs().initial_delay
    }

    fn jitter(&self) -> Duration {
        self.trace.knobs().jitter
    }

    fn tick_timeout(&self) -> Option<Duration> {
        self.trace.knobs().tick_timeout
    }
}

impl<P: Planned> Scheduled for CronProbe<P> {
    async fn startup(&self, cx: &Context) -> Result {
        self.trace.startup(cx).await
    }

    async fn tick(&self, cx: &Context) -> Result {
        self.trace.tick(cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.trace.drain(cx).await
    }
}

impl Trace {
    /// A registry of one probe, named `probe`, that follows the cron expression with these options, by this wall clock.
    ///
    /// # Panics
    ///
    /// When a cron expression can't have the options.
    pub fn by_clock(&self, clock: &WallClock, missed: Missed, first: First) -> Registry {
        let registry = match (missed, first) {
            (Missed::Coalesce, First::Default) => self.timed::<(Coalesce, Default)>(),
            (Missed::Coalesce, First::Immediate) => self.timed::<(Coalesce, Immediate)>(),
            (Missed::Skip, First::Default) => self.timed::<(Skip, Default)>(),
            (Missed::Skip, First::Immediate) => self.timed::<(Skip, Immediate)>(),
            (Missed::Burst, First::Default) => self.timed::<(Burst, Default)>(),
            (Missed::Burst, First::Immediate) => self.timed::<(Burst, Immediate)>(),
            options => panic!("{options:?}"),
        };
        registry.wall_clock(clock.clone())
    }

    fn timed<P: Planned>(&self) -> Registry {
        let trace = self.clone();
        let plan = PhantomData::<P>;
        lifecycle::registry! { "probe" => CronProbe { trace, plan } }
    }
}

/// A wall clock that shows this time now: `2026-03-29T00:59:50Z`.
///
/// # Panics
///
/// When that is no time.
#[must_use]
pub fn clock(time: &str) -> WallClock {
    WallClock::new(at(time))
}

/// The time as the system has it.
///
/// # Panics
///
/// When it is none.
#[must_use]
pub fn at(time: &str) -> SystemTime {
    time.parse::<jiff::Timestamp>().unwrap().into()
}
