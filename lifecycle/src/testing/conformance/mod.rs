//! Conformance: what every service owes its registry, checked for a service of the user's.
//!
//! Each case is played in lives of the service (`life`): each has a registry, a runtime with one thread and a paused
//! clock of its own (`clock`), and one moment at which the service is asked to stop (`moments`).

mod clock;
mod life;
mod moments;
mod violation;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use self::life::{Company, Plan, Report, live};
use self::moments::{Moment, Part};
pub use self::violation::NotConforming;
use self::violation::Violation;
use crate::report::status::Phase;
use crate::shape::service::Service;

/// The name of the service in the registry of each life.
const SERVICE: &str = "service";

/// How many moments of a case are tried: the first ones all, of what follows fewer and fewer.
const MAX_MOMENTS: usize = 48;

/// How many of them follow each other without a gap.
const DENSE: usize = 24;

/// One of the things that every service owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Case {
    /// It gets ready, goes on for a minute by itself, and stops when it is asked while it is idle.
    RunsUntilStopped,
    /// It stops when it is asked at any moment of its start, and before it.
    StopsDuringStartup,
    /// It stops when it is asked at any moment after that: right after its start, in a tick, a flush or its `run`.
    StopsAtWork,
    /// It stops when it is asked at any moment of the drain of a restart.
    StopsDuringDrain,
    /// Its drain runs once in each run.
    DrainsOnce,
    /// When it is down, none of its tasks is left.
    LeavesNoTask,
    /// It comes up again when it is restarted, from the same value. (A oneshot that is done is never run again.)
    RunsAgain,
    /// It bears that what it needs fails to start, so that it never starts itself, and that another service fails.
    SurvivesFailures,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RunsUntilStopped,
        Self::StopsDuringStartup,
        Self::StopsAtWork,
        Self::StopsDuringDrain,
        Self::DrainsOnce,
        Self::LeavesNoTask,
        Self::RunsAgain,
        Self::SurvivesFailures,
    ];
}

/// The name of its test.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunsUntilStopped => "runs_until_stopped",
            Self::StopsDuringStartup => "stops_during_startup",
            Self::StopsAtWork => "stops_at_work",
            Self::StopsDuringDrain => "stops_during_drain",
            Self::DrainsOnce => "drains_once",
            Self::LeavesNoTask => "leaves_no_task",
            Self::RunsAgain => "runs_again",
            Self::SurvivesFailures => "survives_failures",
        })
    }
}

/// Checks what every service owes, for this value: every [`Case`], one after the other, with one run after the other of
/// the same value. [`conformance!`](macro@crate::testing::conformance) makes a value for each life, and a test of each case.
///
/// Call it outside any runtime: each life has its own.
///
/// # Errors
///
/// The first case that fails.
///
/// ```
/// use lifecycle::{Idle, service, testing};
///
/// #[service(idle)]
/// struct Cache;
///
/// impl Idle for Cache {}
///
/// # #[allow(clippy::needless_doctest_main)]
/// fn main() -> Result<(), testing::NotConforming> {
///     testing::conformance(Cache)
/// }
/// ```
pub fn conformance(service: impl Service) -> Result<(), NotConforming> {
    Conformance::value(service).check_all()
}

/// A check of what every service owes, with its settings: what
/// [`conformance!`](macro@crate::testing::conformance) writes tests of.
///
/// Each life of the service is in a registry and on a runtime of its own, with one thread and tokio's clock paused. The
/// clock goes on where nothing else does, so what waits for an hour is there at once; before the end of a time that
/// matters the check waits some seconds for sockets and threads.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
/// use lifecycle::testing::{Case, Conformance};
/// use lifecycle::{Context, Result, Service, async_trait};
///
/// #[derive(Default)]
/// struct Journal { flushes: AtomicU64 }
///
/// #[async_trait]
/// impl Service for Journal {
///     async fn start(&self, cx: &Context) -> Result {
///         cx.ready();
///         cx.stop_channel().closed().await;
///         Ok(())
///     }
///
///     async fn stop(&self, cx: &Context) -> Result {
///         cx.exited().await;
///         self.flushes.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// Conformance::of(|| async { Journal::default() })
///     .stop_timeout(Duration::from_secs(30))
///     .drains(|journal| journal.flushes.load(Ordering::Relaxed))
///     .check(Case::DrainsOnce)?;
/// # Ok::<(), lifecycle::testing::NotConforming>(())
/// ```
pub struct Conformance<S>(Make<S>);

type CountDrains<S> = Arc<dyn Fn(&S) -> u64 + Send + Sync>;

type MakeFuture<S> = Pin<Box<dyn Future<Output = Arc<S>>>>;

/// How the value of each life is made, and what is known of it.
struct Make<S> {
    value: Arc<dyn Fn() -> MakeFuture<S> + Send + Sync>,
    stop_timeout: Duration,
    drains: Option<CountDrains<S>>,
}

impl<S> Clone for Make<S> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            stop_timeout: self.stop_timeout,
            drains: self.drains.clone(),
        }
    }
}

impl<S: Service> Conformance<S> {
    /// Makes a value for each life, on the runtime of that life.
    pub fn of<F, B>(make: F) -> Self
    where
        F: Fn() -> B + Send + Sync + 'static,
        B: Future<Output = S> + 'static,
    {
        Self::with(move || {
            let service = make();
            Box::pin(async move { Arc::new(service.await) })
        })
    }

    /// Uses this value for each life.
    pub fn value(service: S) -> Self {
        let service = Arc::new(service);
        Self::with(move || {
            let service = service.clone();
            Box::pin(async move { service })
        })
    }

    fn with(make: impl Fn() -> MakeFuture<S> + Send + Sync + 'static) -> Self {
        Self(Make {
            value: Arc::new(make),
            stop_timeout: Duration::from_secs(10),
            drains: None,
        })
    }

    /// How long the service may take to stop. Default: 10 s, as in a registry.
    #[must_use]
    pub fn stop_timeout(mut self, limit: Duration) -> Self {
        self.0.stop_timeout = limit;
        self
    }

    /// How often the service has drained so far. For a hand-written one, whose drain nothing else can see; the hook
    /// `drain` of a shape is counted without this.
    #[must_use]
    pub fn drains(mut self, count: impl Fn(&S) -> u64 + Send + Sync + 'static) -> Self {
        self.0.drains = Some(Arc::new(count));
        self
    }

    /// Checks this case. Call it outside any runtime.
    ///
    /// # Errors
    ///
    /// The first life in which the service does not do what it owes.
    pub fn check(&self, case: Case) -> Result<(), NotConforming> {
        let checked = match case {
            Case::RunsUntilStopped => self.live(Plan::default()).and_then(|life| life.judge()),
            Case::StopsDuringStartup => self.stops_during_startup(),
            Case::StopsAtWork => self.stops_at_work(),
            Case::StopsDuringDrain => self.stops_during_drain(),
            Case::DrainsOnce => self.in_every_life(Self::drained_once),
            Case::LeavesNoTask => self.in_every_life(Self::left_no_task),
            Case::RunsAgain => self.runs_again(),
            Case::SurvivesFailures => self.survives_failures(),
        };
        checked.map_err(|violation| NotConforming::new(case, violation))
    }

    /// Checks every case, one after the other.
    ///
    /// # Errors
    ///
    /// The first case that fails.
    pub fn check_all(&self) -> Result<(), NotConforming> {
        Case::ALL.into_iter().try_for_each(|case| self.check(case))
    }

    fn stops_during_startup(&self) -> Result<(), Violation> {
        let at_once = Plan {
            is_stopped_at_once: true,
            ..Plan::default()
        };
        self.live(at_once)?.judge()?;
        let life = self.live(Plan::default())?;
        self.at_each(&life, |phase| phase == Phase::Startup, Report::judge)
    }

    fn stops_at_work(&self) -> Result<(), Violation> {
        let life = self.live(Plan::default())?;
        self.at_each(&life, |phase| phase != Phase::Startup, Report::judge)
    }

    /// Another life for each of these moments of a life, as far as one has so many.
    fn at_each(
        &self,
        life: &Report,
        is_one: impl Fn(Phase) -> bool,
        judge: impl Fn(&Report) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        life.is_started()?;
        let polls = life.seen.phases.iter().enumerate();
        let polls: Vec<_> = polls
            .filter(|(_, phase)| is_one(**phase))
            .map(|(poll, _)| poll + 1)
            .collect();
        for index in sparse(polls.len()) {
            let plan = Plan {
                moment: Some(Moment {
                    part: Part::Start,
                    poll: polls[index],
                }),
                ..Plan::default()
            };
            judge(&self.live(plan)?)?;
        }
        Ok(())
    }

    fn stops_during_drain(&self) -> Result<(), Violation> {
        let restarted = Plan {
            is_restarted: true,
            ..Plan::default()
        };
        let life = self.live(restarted)?;
        life.is_started()?;
        for index in sparse(life.seen.polls_of_stop) {
            let plan = Plan {
                moment: Some(Moment {
                    part: Part::Stop,
                    poll: index + 1,
                }),
                ..restarted
            };
            self.live(plan)?.judge()?;
        }
        Ok(())
    }

    /// Lives that end while it is idle, after a restart, before the start, and at each moment.
    fn in_every_life(
        &self,
        judge: impl Fn(&Report) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let life = self.live(Plan::default())?;
        life.is_started()?;
        judge(&life)?;
        for plan in [
            Plan {
                is_stopped_at_once: true,
                ..Plan::default()
            },
            Plan {
                is_restarted: true,
                ..Plan::default()
            },
        ] {
            judge(&self.live(plan)?)?;
        }
        self.at_each(&life, |_| true, judge)
    }

    fn drained_once(life: &Report) -> Result<(), Violation> {
        let Report { seen, drained, .. } = life;
        if seen.drains > 1 {
            return Err(Violation::DrainedAgain(seen.drains.into()));
        }
        match *drained {
            Some(drained) if drained > seen.runs => {
                Err(Violation::DrainedAgain(drained.div_ceil(seen.runs.max(1))))
            }
            Some(0) if life.was_up => Err(Violation::NotDrained),
            _ => Ok(()),
        }
    }

    fn left_no_task(life: &Report) -> Result<(), Violation> {
        match life.tasks_left {
            0 => Ok(()),
            count => Err(Violation::TasksLeft { count }),
        }
    }

    fn runs_again(&self) -> Result<(), Violation> {
        let plan = Plan {
            is_restarted: true,
            ..Plan::default()
        };
        let life = self.live(plan)?;
        life.is_started()?;
        // One that does not even stop is no case of a second run.
        if !life.outcome.laggards().is_empty() {
            return life.judge();
        }
        life.restarted
            .map_or(Ok(()), |restarted| restarted.map_err(Violation::NotAgain))
    }

    fn survives_failures(&self) -> Result<(), Violation> {
        for company in [Company::Need, Company::Other] {
            let plan = Plan {
                company,
                ..Plan::default()
            };
            self.live(plan)?.judge()?;
        }
        Ok(())
    }

    fn live(&self, plan: Plan) -> Result<Report, Violation> {
        live(&self.0, plan)
    }
}

impl<S> fmt::Debug for Conformance<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("stop_timeout", &self.0.stop_timeout)
            .finish_non_exhaustive()
    }
}

/// The first ones of so many, and then fewer and fewer.
fn sparse(count: usize) -> impl Iterator<Item = usize> {
    let next = |index: &usize| Some(index + 1 + index.saturating_sub(DENSE) / 4);
    std::iter::successors(Some(0), next)
        .take_while(move |index| *index < count)
        .take(MAX_MOMENTS)
}

/// Tests what every service owes its registry: writes a `#[test]` for each [`Case`], named after it. In a module of
/// its own for each service:
///
/// ```
/// use lifecycle::{Context, Result, Scheduled, service};
///
/// #[service(scheduled(interval = "30s"))]
/// struct Collector;
///
/// impl Scheduled for Collector {
///     async fn tick(&self, _: &Context) -> Result { Ok(()) }
/// }
///
/// #[cfg(test)]
/// mod collector {
///     use super::*;
///
///     lifecycle::testing::conformance!(Collector);
/// }
/// ```
///
/// The expression is evaluated for each life of the service, on the runtime of that life, and may `.await`. What follows
/// are the settings of [`Conformance`]: `conformance!(Journal::new(), stop_timeout = Duration::from_secs(30), drains =
/// |journal| journal.flushes())`.
///
/// See [the guide](crate::guide::testing).
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    ($make:expr $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::__conformance_cases! {
            { $make } { $(.$setting($value))* }
            runs_until_stopped RunsUntilStopped,
            stops_during_startup StopsDuringStartup,
            stops_at_work StopsAtWork,
            stops_during_drain StopsDuringDrain,
            drains_once DrainsOnce,
            leaves_no_task LeavesNoTask,
            runs_again RunsAgain,
            survives_failures SurvivesFailures,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($make:tt $settings:tt $($test:ident $case:ident,)*) => {
        $(
            #[test]
            fn $test() -> ::core::result::Result<(), $crate::testing::NotConforming> {
                $crate::__conformance_case!($make $settings).check($crate::testing::Case::$case)
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_case {
    ($make:tt { $($settings:tt)* }) => {
        $crate::testing::Conformance::of(|| async $make) $($settings)*
    };
}
