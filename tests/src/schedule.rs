//! A scheduled service that notes the instants of its ticks, for every schedule there is.
//!
//! The schedule is a type, put together from its parts: `Probe<(Interval, Skip, Immediate)>`.

use std::marker::PhantomData;
use std::time::Duration;

use lifecycle::__private::{
    Declared, First, Missed, OnError, OnPanic, Plan, ScheduleKind, ScheduledService, ScheduledShape,
};
use lifecycle::{Context, Registry, Result, Scheduled};

use crate::trace::Trace;

/// A schedule as a type.
pub trait Planned: Send + Sync + 'static {
    /// What the attribute would fix.
    const PLAN: Plan;
}

/// One part of a schedule as a type.
pub trait Part<T>: Send + Sync + 'static {
    /// The part itself.
    const IS: T;
}

macro_rules! parts {
    ($($name:ident: $part:ident = $is:ident;)*) => {$(
        #[doc = concat!("`", stringify!($part), "::", stringify!($is), "` as a type.")]
        #[derive(Debug)]
        pub struct $name;

        impl Part<$part> for $name {
            const IS: $part = $part::$is;
        }
    )*};
}

parts! {
    Interval: ScheduleKind = Interval;
    Delay: ScheduleKind = Delay;
    Coalesce: Missed = Coalesce;
    Skip: Missed = Skip;
    Burst: Missed = Burst;
    Postpone: Missed = Delay;
    Default: First = Default;
    Immediate: First = Immediate;
    AfterInterval: First = AfterInterval;
}

impl<K: Part<ScheduleKind>, M: Part<Missed>, F: Part<First>> Planned for (K, M, F) {
    const PLAN: Plan = Plan::new(K::IS, "every").missed(M::IS).first(F::IS);
}

/// The schedule `P` with `on_error = fail`.
#[derive(Debug)]
pub struct Strict<P>(PhantomData<P>);

impl<P: Planned> Planned for Strict<P> {
    const PLAN: Plan = P::PLAN.on_error(OnError::Fail);
}

/// The schedule `P` with `on_panic = continue`.
#[derive(Debug)]
pub struct Calm<P>(PhantomData<P>);

impl<P: Planned> Planned for Calm<P> {
    const PLAN: Plan = P::PLAN.on_panic(OnPanic::Continue);
}

/// The schedule `P` with `max_failures = N`.
#[derive(Debug)]
pub struct AtMost<const N: u32, P>(PhantomData<P>);

impl<const N: u32, P: Planned> Planned for AtMost<N, P> {
    const PLAN: Plan = P::PLAN.max_failures(N);
}

impl Trace {
    /// A probe that follows the schedule `P`.
    #[must_use]
    pub fn probe<P: Planned>(&self) -> Probe<P> {
        Probe {
            trace: self.clone(),
            plan: PhantomData,
        }
    }

    /// A registry of one probe, named `probe`, that follows the schedule with these parts.
    ///
    /// # Panics
    ///
    /// For a cron expression: see [`crate::cron`].
    pub fn registry(&self, kind: ScheduleKind, missed: Missed, first: First) -> Registry {
        match kind {
            ScheduleKind::Interval => self.of_kind::<Interval>(missed, first),
            ScheduleKind::Delay => self.of_kind::<Delay>(missed, first),
            _ => panic!("the wall clock has no interval"),
        }
    }

    fn of_kind<K: Part<ScheduleKind>>(&self, missed: Missed, first: First) -> Registry {
        match missed {
            Missed::Coalesce => self.with_missed::<K, Coalesce>(first),
            Missed::Skip => self.with_missed::<K, Skip>(first),
            Missed::Burst => self.with_missed::<K, Burst>(first),
            Missed::Delay => self.with_missed::<K, Postpone>(first),
        }
    }

    fn with_missed<K: Part<ScheduleKind>, M: Part<Missed>>(&self, first: First) -> Registry {
        match first {
            First::Default => self.alone::<(K, M, Default)>(),
            First::Immediate => self.alone::<(K, M, Immediate)>(),
            First::AfterInterval => self.alone::<(K, M, AfterInterval)>(),
        }
    }

    /// A registry of one probe, named `probe`, that follows the schedule `P`.
    pub fn alone<P: Planned>(&self) -> Registry {
        lifecycle::registry! { "probe" => self.probe::<P>() }
    }
}

/// A scheduled service that writes to a [`Trace`].
#[derive(Debug)]
pub struct Probe<P> {
    trace: Trace,
    plan: PhantomData<P>,
}

impl<P: Planned> Declared for Probe<P> {
    type Shape = ScheduledShape;
}

impl<P: Planned> ScheduledService for Probe<P> {
    const PLAN: Plan = P::PLAN;

    fn period(&self) -> Duration {
        self.trace.knobs().every
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

impl<P: Planned> Scheduled for Probe<P> {
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
