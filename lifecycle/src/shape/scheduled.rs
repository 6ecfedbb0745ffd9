//! The scheduled shape by interval or delay: a tick on a fixed grid, or some time after the end of the
//! last one.

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use super::tick_loop::remembered::{self, ReadValues};
use super::tick_loop::{self, HasSchedule, ReadResult, Schedule};
use super::{Declared, Live, Nothing, is_left_out};
use crate::report::error::{OptionError, Result};
use crate::report::status::Shape;
use crate::report::tick::ScheduleKind;
use crate::shared::context::Context;
use crate::shared::remembering;
use crate::time::catch_up::{Points, Values};
use crate::time::moment::Moment;
use crate::time::outlook::Outlook;
use crate::time::point::Point;
use crate::time::{Plan, Timeline, Timing, check_catch_up};

/// The hooks of a service that does something again and again.
///
/// The first tick comes one interval after the service is running, the next ones on the grid that
/// this starts. There are never two ticks at once: points of the grid missed by a tick that overran
/// collapse into one late tick that runs at once, then the original grid goes on (the rule of Go's
/// ticker; tokio calls it `Skip`). That is a schedule by interval; those by delay and by cron
/// expression, and all options, are in the reference of [`#[service]`](macro@crate::service).
///
/// The interval or delay is read again after each tick, and once a minute while none is due. A new
/// one takes effect then and begins a new grid: no point before it is missed. (A new one that is read at
/// the end of a tick counts from the start of that tick, if the next point still lies ahead.) A value that
/// can't be followed, such as an interval of zero, is an error at the start. Later it changes nothing: the
/// schedule goes on as before, and until the value is right again the service is `degraded` with a
/// sentence that says why, which is logged once. It is `degraded` as well while its last tick has failed.
///
/// A tick can ask what it is for: [`Context::tick`] tells when it was due, why it began, how many missed points it
/// stands for, and a key that names it.
///
/// What is due while the process is down is lost, unless the schedule says `catch_up = "12h"` and the registry has a
/// [`memory`](crate::Registry::memory): see [the guide](crate::guide::catch_up).
///
/// From outside a schedule is asked for a tick ([`Handle::trigger`](crate::Handle::trigger)), is
/// [paused](crate::Handle::pause) and resumed, and shows its [last ticks](crate::Handle::runs) and the
/// [next ones](crate::Handle::upcoming). Points without a tick of their own are counted
/// ([`TickStatus::missed`](crate::TickStatus::missed)), and each gap is told by one warning.
///
/// A tick is never early. It begins when one of tokio's timers fires, which count whole milliseconds. With
/// an interval of about a millisecond some points have passed by then, and collapse too.
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
pub trait Scheduled {
    /// Runs before the service counts as running; dependents wait for it. Default: nothing.
    ///
    /// Under the start timeout. Dropped when the application stops meanwhile. An error or a panic is the
    /// service's failure, and that of all that depend on it; with `startup(retry = ..)` beside the shape an
    /// error is tried again.
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// One round of the work. An error is logged and counted, and the loop goes on; a panic is the
    /// service's failure, or with `on_panic = continue` counts as an error.
    ///
    /// A tick in flight when the stop is requested completes, but is dropped at three quarters of
    /// the service's time to stop, so that `drain` still happens.
    fn tick(&self, cx: &Context) -> impl Future<Output = Result> + Send;

    /// Flushes what is in memory, after the last tick. Runs once for each completed `startup`.
    /// Default: nothing.
    ///
    /// Dropped when the service's time to stop is over: see [`Context::deadline`]. An error or a panic is the
    /// service's failure, which no restart follows; the others are drained all the same.
    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Takes over new values, when a [reload](crate::Handle::reload) of the application is asked for. Runs beside
    /// a `tick`, in the same task. Default: nothing.
    ///
    /// Under the start timeout. An error is logged, shows in the status and is returned to who asked; the
    /// service goes on. Dropped when the service stops meanwhile.
    fn reload(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }
}

/// What `#[service(scheduled(..))]` implements. Its bound makes rustc ask for the hooks. The methods are
/// called again and again, so that a change of the configuration takes effect.
pub trait ScheduledService: Scheduled {
    /// The options that the attribute fixes.
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

    /// `catch_up = ..`
    fn catch_up(&self) -> Duration {
        Duration::ZERO
    }
}

/// The shape of every schedule. `L` is the loop that runs it.
#[derive(Debug)]
pub struct ScheduleShape<L>(PhantomData<L>);

/// How a schedule of a service of type `S` runs.
pub trait ScheduleLoop<S> {
    /// Checks the service's values.
    fn check(service: &S) -> Result;

    /// What the registry must have for it.
    fn prepare(cx: &Context) -> Result {
        let _ = cx;
        Ok(())
    }

    /// Runs until the stop is requested, or the service fails.
    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send;
}

#[diagnostic::do_not_recommend]
impl<S: Scheduled + Declared, L: ScheduleLoop<S>> Live<S> for ScheduleShape<L> {
    const SHAPE: Shape = Shape::Scheduled;

    type Started = ();

    /// A service whose schedule can't be followed fails before its `startup` runs.
    fn check(service: &S) -> Result {
        L::check(service)
    }

    async fn startup(service: &S, cx: &Context) -> Result {
        L::prepare(cx)?;
        service.startup(cx).await
    }

    fn run(service: &S, (): (), cx: &Context) -> impl Future<Output = Result> + Send {
        L::run(service, cx)
    }

    fn drain(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.drain(cx)
    }

    fn reload(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.reload(cx)
    }

    fn reloads() -> bool {
        !is_left_out(S::reload)
    }
}

/// The shape of `#[service(scheduled(..))]`.
pub type ScheduledShape = ScheduleShape<PeriodLoop>;

/// The loop of a schedule by interval or delay.
#[derive(Debug)]
pub struct PeriodLoop;

impl<S: ScheduledService + Declared> ScheduleLoop<S> for PeriodLoop {
    fn check(service: &S) -> Result {
        timing(service)?;
        Ok(())
    }

    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        tick_loop::run::<S, Timeline>(service, cx)
    }
}

/// What a schedule by interval or delay reads.
pub(super) trait Periods: Sync {
    /// The durations, if they are not these.
    fn other_than(&self, known: &Timing) -> Result<Option<Timing>, OptionError>;

    fn timing(&self) -> Result<Timing, OptionError>;

    fn initial_delay(&self) -> Option<Duration>;
}

impl<S: ScheduledService + Sync> Periods for S {
    fn other_than(&self, known: &Timing) -> Result<Option<Timing>, OptionError> {
        let timing = unchecked_timing(self);
        // Those that are known were checked.
        if timing == *known {
            return Ok(None);
        }
        timing.check(&S::PLAN).map(Some)
    }

    fn timing(&self) -> Result<Timing, OptionError> {
        timing(self)
    }

    fn initial_delay(&self) -> Option<Duration> {
        ScheduledService::initial_delay(self)
    }
}

impl<S: ScheduledService + Sync> HasSchedule<Timeline> for S {
    const PLAN: &'static Plan = &S::PLAN;

    fn source(&self) -> &<Timeline as Schedule>::Source<'_> {
        self
    }
}

impl Schedule for Timeline {
    type Source<'a> = dyn Periods + 'a;

    fn new(
        source: &Self::Source<'_>,
        plan: &'static Plan,
        _: &Context,
        now: Moment,
    ) -> Result<Self, OptionError> {
        let (timing, delay) = (source.timing()?, source.initial_delay());
        Ok(Self::new(plan, timing, delay, now))
    }

    #[inline]
    fn due(&self) -> Moment {
        self.due()
    }

    #[inline]
    fn wake_at(&self, now: Moment) -> Moment {
        self.wake_at(now)
    }

    #[inline]
    fn point(
        &mut self,
        source: &Self::Source<'_>,
        cx: &Context,
        now: Moment,
    ) -> (Option<Point>, Option<ReadResult>) {
        if let Some(point) = Self::point(self, now) {
            return (Some(point), None);
        }
        (None, Some(self.read(source, cx, now)))
    }

    #[inline]
    fn begin(&mut self, point: Point) {
        self.begin(point);
    }

    fn read(&mut self, source: &Self::Source<'_>, _: &Context, now: Moment) -> ReadResult {
        if let Some(timing) = source.other_than(self.timing())? {
            self.change(now, &timing);
        }
        Ok(())
    }

    fn resume(&mut self, _: &Context, now: Moment) {
        Self::resume(self, now);
    }

    #[inline]
    fn end(&mut self, source: &Self::Source<'_>, _: &Context, now: Moment) -> ReadResult {
        match source.other_than(self.timing()) {
            Ok(changed) => {
                self.end(now, changed.as_ref());
                Ok(())
            }
            Err(error) => {
                self.end(now, None);
                Err(error)
            }
        }
    }

    #[inline]
    fn new_outlook(&mut self) -> Option<Outlook> {
        self.new_outlook()
    }

    #[inline]
    fn take_left_out(&mut self) -> u64 {
        self.take_left_out()
    }

    #[inline]
    fn tick_timeout(&self) -> Option<Duration> {
        self.tick_timeout()
    }
}

fn timing<S: ScheduledService>(service: &S) -> Result<Timing, OptionError> {
    unchecked_timing(service).check(&S::PLAN)
}

#[inline]
fn unchecked_timing<S: ScheduledService>(service: &S) -> Timing {
    Timing {
        period: service.period(),
        jitter: service.jitter(),
        tick_timeout: service.tick_timeout(),
    }
}

/// The shape of `#[service(scheduled(.., catch_up = ..))]`.
pub type CatchUpShape = ScheduleShape<CatchUpLoop>;

/// The loop of a schedule by interval or delay that is remembered.
#[derive(Debug)]
pub struct CatchUpLoop;

impl<S: ScheduledService + Declared> ScheduleLoop<S> for CatchUpLoop {
    fn check(service: &S) -> Result {
        values(service)?;
        Ok(())
    }

    fn prepare(cx: &Context) -> Result {
        remembering::memory_of(cx)?;
        Ok(())
    }

    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        remembered::run::<S, ByPeriod>(service, cx)
    }
}

/// Reads the values of a schedule by interval or delay that is remembered.
#[derive(Default)]
struct ByPeriod;

impl<S: ScheduledService> ReadValues<S> for ByPeriod {
    const PLAN: Plan = S::PLAN;

    fn read(&mut self, service: &S) -> Result<Values, OptionError> {
        values(service)
    }
}

fn values<S: ScheduledService>(service: &S) -> Result<Values, OptionError> {
    let Timing {
        period,
        jitter,
        tick_timeout,
    } = timing(service)?;
    let points = match S::PLAN.kind {
        ScheduleKind::Interval | ScheduleKind::Cron => Points::Every(period),
        ScheduleKind::Delay => Points::AfterEnd(period),
    };
    Ok(Values {
        points,
        window: check_catch_up(service.catch_up())?,
        jitter,
        tick_timeout,
    })
}
