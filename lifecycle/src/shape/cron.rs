//! The scheduled shape by cron expression: a tick at each time that the expression names, by the wall
//! clock.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::scheduled::Scheduled;
use super::tick_loop::remembered::{self, ReadValues};
use super::tick_loop::{self, ReadResult, Schedule};
use super::{Declared, Live, is_left_out};
use crate::report::error::{OptionError, Result};
use crate::report::status::Shape;
use crate::shared::context::Context;
use crate::shared::remembering;
use crate::time::catch_up::{Points, Values};
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
#[derive(Debug)]
pub struct CronShape;

impl<S: CronService + Declared> Live<S> for CronShape {
    const SHAPE: Shape = Shape::Scheduled;

    type Started = ();

    /// A service whose schedule can't be followed fails before its `startup` runs.
    fn check(service: &S) -> Result {
        times::<S>(values(service))?;
        tick_timeout(service)?;
        Ok(())
    }

    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.startup(cx)
    }

    fn run(service: &S, (): (), cx: &Context) -> impl Future<Output = Result> + Send {
        tick_loop::run::<S, ByClock>(service, cx)
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

/// A schedule by cron expression, and how long its ticks may take.
struct ByClock {
    calendar: Calendar,
    tick_timeout: Option<Duration>,
    /// The service's last values, if no schedule can be made of them, and why.
    refused: Option<Box<(CronValues, OptionError)>>,
}

impl<S: CronService + Declared> Schedule<S> for ByClock {
    const PLAN: Plan = S::PLAN;

    fn new(service: &S, cx: &Context) -> Result<Self, OptionError> {
        let tick_timeout = tick_timeout(service)?;
        let times = times::<S>(values(service))?;
        let (jitter, delay) = (service.jitter(), service.initial_delay());
        Ok(Self {
            calendar: Calendar::new(S::PLAN, times, jitter, delay, now(cx)),
            tick_timeout,
            refused: None,
        })
    }

    fn due(&self) -> Option<Instant> {
        self.calendar.due()
    }

    fn wake_at(&self, _: Instant) -> Instant {
        self.calendar.wake_at()
    }

    fn point(
        &mut self,
        service: &S,
        cx: &Context,
        _: Instant,
    ) -> (Option<Point>, Option<ReadResult>) {
        let read = self.read_again(service, cx);
        (self.calendar.point(now(cx)), Some(read))
    }

    fn begin(&mut self, point: Point) {
        self.calendar.begin(point);
    }

    fn read(&mut self, service: &S, cx: &Context, _: Instant) -> ReadResult {
        let read = self.read_again(service, cx);
        self.calendar.look(now(cx));
        read
    }

    fn resume(&mut self, cx: &Context, _: Instant) {
        self.calendar.resume(now(cx));
    }

    fn end(&mut self, service: &S, cx: &Context, _: Instant) -> ReadResult {
        let read = self.read_again(service, cx);
        self.calendar.end(now(cx));
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
    fn read_again<S: CronService>(&mut self, service: &S, cx: &Context) -> ReadResult {
        let tick_timeout = tick_timeout(service)?;
        let (values, jitter) = (values(service), service.jitter());
        if !self.calendar.is_made_of(&values, jitter) {
            let times = self.times::<S>(values)?;
            self.calendar.change(times, jitter, now(cx));
        }
        self.refused = None;
        self.tick_timeout = tick_timeout;
        Ok(())
    }

    /// The same wrong values are refused without another check: a search of all time zones is slow. Only the
    /// machine's own zone may be known by the next time.
    fn times<S: CronService>(&mut self, values: CronValues) -> Result<Times, OptionError> {
        match self.refused.as_deref() {
            Some((before, error)) if *before == values => return Err(error.clone()),
            _ => {}
        }
        times::<S>(values.clone()).inspect_err(|error| {
            if !matches!(error, OptionError::LocalZone { .. }) {
                self.refused = Some(Box::new((values, error.clone())));
            }
        })
    }
}

/// The shape of `#[service(scheduled(cron = .., catch_up = ..))]`.
#[derive(Debug)]
pub struct CatchUpCronShape;

impl<S: CronService + Declared> Live<S> for CatchUpCronShape {
    const SHAPE: Shape = Shape::Scheduled;

    type Started = ();

    /// A service whose schedule can't be followed fails before its `startup` runs.
    fn check(service: &S) -> Result {
        ByExpression::default().read(service)?;
        Ok(())
    }

    async fn startup(service: &S, cx: &Context) -> Result {
        remembering::memory_of(cx)?;
        service.startup(cx).await
    }

    fn run(service: &S, (): (), cx: &Context) -> impl Future<Output = Result> + Send {
        remembered::run::<S, ByExpression>(service, cx)
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
        match times::<S>(values.clone()) {
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

fn times<S: CronService>(values: CronValues) -> Result<Times, OptionError> {
    let field = Field {
        cron: S::PLAN.written,
        tz: S::TZ,
    };
    Times::new(values, field)
}

fn tick_timeout<S: CronService>(service: &S) -> Result<Option<Duration>, OptionError> {
    let limit = service.tick_timeout();
    check_tick_timeout(limit)?;
    Ok(limit)
}

fn now(cx: &Context) -> Reading {
    Reading::now(cx.application().wall_time())
}
