//! The scheduled shape by cron expression: a tick at each time that the expression names, by the wall
//! clock.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Declared;
use super::scheduled::{ScheduleLoop, ScheduleShape, Scheduled};
use super::tick_loop::remembered::{self, ReadValues};
use super::tick_loop::{self, HasSchedule, ReadResult, Schedule};
use crate::report::error::{OptionError, Result};
use crate::shared::context::Context;
use crate::shared::remembering;
use crate::time::catch_up::{Points, Values};
use crate::time::moment::Moment;
use crate::time::outlook::Outlook;
use crate::time::point::Point;
use crate::time::{
    Calendar, CronValues, Field, Plan, Reading, Times, check_catch_up, check_tick_timeout,
};

/// What `#[service(scheduled(cron = ..))]` implements. The methods are called again and again, so that a
/// change of the configuration takes effect.
pub trait CronService: Scheduled {
    /// The options that the attribute fixes.
    const PLAN: Plan;
    /// The zone as the attribute spells it, for messages.
    const TZ: &'static str = UTC;

    /// `cron = ..`
    fn cron(&self) -> Written;

    /// `tz = ..`
    fn tz(&self) -> Written {
        Cow::Borrowed(UTC)
    }

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

const UTC: &str = "UTC";

/// The text of a cron expression, or the name of a time zone.
pub type Written = Cow<'static, str>;

/// A type that a service may give a cron expression or a time zone in.
#[diagnostic::on_unimplemented(
    message = "a cron expression or a time zone is given as text, not as `{Self}`",
    label = "not a `str`, a `String` or the like"
)]
pub trait Text {
    /// The text itself.
    fn to_text(&self) -> Written;
}

#[diagnostic::do_not_recommend]
impl<T: AsRef<str>> Text for T {
    fn to_text(&self) -> Written {
        Cow::Owned(self.as_ref().to_owned())
    }
}

/// The text of a field, or of an expression.
#[must_use]
pub fn text(value: &dyn Text) -> Written {
    value.to_text()
}

/// The shape of `#[service(scheduled(cron = ..))]`.
pub type CronShape = ScheduleShape<CronLoop>;

/// The loop of a schedule by cron expression.
#[derive(Debug)]
pub struct CronLoop;

impl<S: CronService + Declared> ScheduleLoop<S> for CronLoop {
    fn check(service: &S) -> Result {
        Times::new(values(service), field::<S>())?;
        tick_timeout(service)?;
        Ok(())
    }

    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        tick_loop::run::<S, ByClock>(service, cx)
    }
}

/// What a schedule by cron expression reads.
pub(super) trait Expressions: Sync {
    /// The expression and its zone as the attribute spells them.
    fn field(&self) -> Field;

    fn values(&self) -> CronValues;

    fn initial_delay(&self) -> Option<Duration>;

    fn jitter(&self) -> Duration;

    fn tick_timeout(&self) -> Result<Option<Duration>, OptionError>;
}

impl<S: CronService + Sync> Expressions for S {
    fn field(&self) -> Field {
        field::<S>()
    }

    fn values(&self) -> CronValues {
        values(self)
    }

    fn initial_delay(&self) -> Option<Duration> {
        CronService::initial_delay(self)
    }

    fn jitter(&self) -> Duration {
        CronService::jitter(self)
    }

    fn tick_timeout(&self) -> Result<Option<Duration>, OptionError> {
        tick_timeout(self)
    }
}

impl<S: CronService + Sync> HasSchedule<ByClock> for S {
    const PLAN: &'static Plan = &S::PLAN;

    fn source(&self) -> &<ByClock as Schedule>::Source<'_> {
        self
    }
}

/// A schedule by cron expression, and how long its ticks may take.
pub(super) struct ByClock {
    calendar: Calendar,
    tick_timeout: Option<Duration>,
    /// The service's last values, if no schedule can be made of them, and why.
    refused: Option<Box<(CronValues, OptionError)>>,
}

impl Schedule for ByClock {
    type Source<'a> = dyn Expressions + 'a;

    fn new(
        source: &Self::Source<'_>,
        plan: &'static Plan,
        cx: &Context,
        now: Moment,
    ) -> Result<Self, OptionError> {
        let tick_timeout = source.tick_timeout()?;
        let times = Times::new(source.values(), source.field())?;
        let (jitter, delay) = (source.jitter(), source.initial_delay());
        Ok(Self {
            calendar: Calendar::new(*plan, times, jitter, delay, reading(cx, now)),
            tick_timeout,
            refused: None,
        })
    }

    fn due(&self) -> Moment {
        self.calendar.due()
    }

    fn wake_at(&self, _: Moment) -> Moment {
        self.calendar.wake_at()
    }

    fn point(
        &mut self,
        source: &Self::Source<'_>,
        cx: &Context,
        now: Moment,
    ) -> (Option<Point>, Option<ReadResult>) {
        let read = self.read_again(source, cx, now);
        (self.calendar.point(reading(cx, now)), Some(read))
    }

    fn begin(&mut self, point: Point) {
        self.calendar.begin(point);
    }

    fn read(&mut self, source: &Self::Source<'_>, cx: &Context, now: Moment) -> ReadResult {
        let read = self.read_again(source, cx, now);
        self.calendar.look(reading(cx, now));
        read
    }

    fn resume(&mut self, cx: &Context, now: Moment) {
        self.calendar.resume(reading(cx, now));
    }

    fn end(&mut self, source: &Self::Source<'_>, cx: &Context, now: Moment) -> ReadResult {
        let read = self.read_again(source, cx, now);
        self.calendar.end(reading(cx, now));
        read
    }

    fn new_outlook(&mut self) -> Option<Outlook> {
        self.calendar.new_outlook()
    }

    fn take_left_out(&mut self) -> u64 {
        self.calendar.take_left_out()
    }

    fn tick_timeout(&self) -> Option<Duration> {
        self.tick_timeout
    }
}

impl ByClock {
    /// Reads the service's values and follows them, or keeps all the old ones if one of the new ones is
    /// wrong. Runs at least once a minute.
    fn read_again(
        &mut self,
        source: &<Self as Schedule>::Source<'_>,
        cx: &Context,
        now: Moment,
    ) -> ReadResult {
        let tick_timeout = source.tick_timeout()?;
        let (values, jitter) = (source.values(), source.jitter());
        if !self.calendar.is_made_of(&values, jitter) {
            let times = self.times(source.field(), values)?;
            self.calendar.change(times, jitter, reading(cx, now));
        }
        self.refused = None;
        self.tick_timeout = tick_timeout;
        Ok(())
    }

    /// The same wrong values are refused without another check: a search of all time zones is slow. Only the
    /// machine's own zone may be known by the next time.
    fn times(&mut self, field: Field, values: CronValues) -> Result<Times, OptionError> {
        match self.refused.as_deref() {
            Some((before, error)) if *before == values => return Err(error.clone()),
            _ => {}
        }
        Times::new(values.clone(), field).inspect_err(|error| {
            if !matches!(error, OptionError::LocalZone { .. }) {
                self.refused = Some(Box::new((values, error.clone())));
            }
        })
    }
}

/// The shape of `#[service(scheduled(cron = .., catch_up = ..))]`.
pub type CatchUpCronShape = ScheduleShape<CatchUpCronLoop>;

/// The loop of a schedule by cron expression that is remembered.
#[derive(Debug)]
pub struct CatchUpCronLoop;

impl<S: CronService + Declared> ScheduleLoop<S> for CatchUpCronLoop {
    fn check(service: &S) -> Result {
        ByExpression::default().read(service)?;
        Ok(())
    }

    fn prepare(cx: &Context) -> Result {
        remembering::memory_of(cx)?;
        Ok(())
    }

    fn run(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        remembered::run::<S, ByExpression>(service, cx)
    }
}

/// Reads the values of a schedule by cron expression that is remembered. The same values are not checked twice: a search
/// of all time zones is slow.
#[derive(Default)]
struct ByExpression {
    times: Option<Arc<Times>>,
    /// The service's last values, if no schedule can be made of them, and why.
    refused: Option<Box<(CronValues, OptionError)>>,
}

impl<S: CronService> ReadValues<S> for ByExpression {
    const PLAN: Plan = S::PLAN;

    fn read(&mut self, service: &S) -> Result<Values, OptionError> {
        Ok(Values {
            points: Points::Times(self.times::<S>(values(service))?),
            window: check_catch_up(service.catch_up())?,
            jitter: service.jitter(),
            tick_timeout: tick_timeout(service)?,
        })
    }
}

impl ByExpression {
    fn times<S: CronService>(&mut self, values: CronValues) -> Result<Arc<Times>, OptionError> {
        let is_known = |times: &&Arc<Times>| *times.values() == values && times.are_local_still();
        if let Some(times) = self.times.as_ref().filter(is_known) {
            return Ok(times.clone());
        }
        match self.refused.as_deref() {
            Some((before, error)) if *before == values => return Err(error.clone()),
            _ => {}
        }
        match Times::new(values.clone(), field::<S>()) {
            Ok(times) => {
                self.refused = None;
                Ok(self.times.insert(Arc::new(times)).clone())
            }
            Err(error) => {
                // The machine's own zone may be known by the next time.
                if !matches!(error, OptionError::LocalZone { .. }) {
                    self.refused = Some(Box::new((values, error.clone())));
                }
                Err(error)
            }
        }
    }
}

fn values<S: CronService>(service: &S) -> CronValues {
    CronValues {
        cron: service.cron(),
        tz: service.tz(),
    }
}

fn field<S: CronService>() -> Field {
    Field {
        cron: S::PLAN.written,
        tz: S::TZ,
    }
}

fn tick_timeout<S: CronService>(service: &S) -> Result<Option<Duration>, OptionError> {
    let limit = service.tick_timeout();
    check_tick_timeout(limit)?;
    Ok(limit)
}

fn reading(cx: &Context, now: Moment) -> Reading {
    Reading::new(now, cx.application().wall_time())
}
