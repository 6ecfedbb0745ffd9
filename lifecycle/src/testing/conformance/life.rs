//! One life of the service, in a registry, runtime and thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Handle as Runtime;
use tokio::time::sleep;

use super::clock::Clock;
use super::moments::{Moment, Seen, Watch, Watched};
use super::violation::Violation;
use super::{Make, SERVICE};
use crate::panics::{self, Panic};
use crate::registry::Registry;
use crate::report::error::{Fault, RestartError, Result, ServiceError};
use crate::report::outcome::Outcome;
use crate::report::status::{Phase, Shape, State};
use crate::run::running::Running;
use crate::shape::service::Service;
use crate::shared::context::Context;
use crate::shared::handle::Handle;

/// How long it may take to be up.
const START: Duration = Duration::from_secs(90);

/// How long it is left to its work.
const WORK: Duration = Duration::from_secs(60);

/// A poll that takes longer than this, in real time, blocks its thread.
const POLL: Duration = Duration::from_secs(5);

/// So does what ends no life within this, in real time.
const LIFE: Duration = Duration::from_secs(60);

/// What happens in this life, before the stop at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// It is asked to stop before it has started.
    pub(super) is_stopped_at_once: bool,
    /// It is asked to stop at this moment.
    pub(super) moment: Option<Moment>,
    /// It is restarted by hand.
    pub(super) is_restarted: bool,
    pub(super) company: Company,
}

/// Who is in the registry beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Company {
    #[default]
    Nobody,
    /// What it needs, whose startup fails.
    Need,
    /// Another service, whose startup fails a second after this one began to start.
    Other,
}

/// What became of it.
pub(super) struct Report {
    pub(super) outcome: Outcome,
    /// Whether it was up before it was asked to stop.
    pub(super) was_up: bool,
    pub(super) restarted: Option<Result<(), RestartError>>,
    /// What its destructor panicked with, which runs once the registry has given it up.
    pub(super) panic_of_drop: Option<Panic>,
    pub(super) tasks_left: usize,
    pub(super) seen: Seen,
    /// How often the drain ran, as the service itself counts.
    pub(super) drained: Option<u64>,
}

pub(super) fn live<S: Service>(make: &Make<S>, plan: Plan) -> Result<Report, Violation> {
    let watch = Watch::new(plan.moment);
    let (done, is_done) = channel::<()>();
    let life = {
        let (make, watch) = (make.clone(), watch.clone());
        thread::spawn(move || {
            let clock = Clock::default();
            let runtime = clock.runtime().map_err(Violation::NoRuntime)?;
            let report = runtime.block_on(make.live(plan, watch, &clock));
            // What blocks a thread of its own must not hold this one.
            runtime.shutdown_background();
            drop(done);
            report
        })
    };
    let began = Instant::now();
    // The sender is dropped at the end of the life, also by a panic.
    while is_done.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
        let is_stuck = watch.polls_for().is_some_and(|time| time > POLL);
        if is_stuck || began.elapsed() > LIFE {
            // The thread is left to itself.
            return Err(Violation::Blocks);
        }
    }
    life.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl<S: Service> Make<S> {
    async fn live(
        &self,
        plan: Plan,
        watch: Arc<Watch>,
        clock: &Clock,
    ) -> Result<Report, Violation> {
        let service = (self.value)().await;
        let count = || self.drains.as_ref().map(|drains| drains(&service));
        let before = count();
        let watched = Watched {
            service: service.clone(),
            watch: watch.clone(),
        };
        let running = self.registry(watched, plan.company)?.start();
        let life = Life {
            handle: running.handle(),
            watch: &watch,
            clock,
            // Before the service is cut.
            patience: self.stop_timeout.mul_f64(0.7),
        };
        if plan.is_stopped_at_once {
            life.handle.shutdown();
        }
        let (was_up, restarted) = life.go_on(plan.is_restarted).await;
        let outcome = life.stop(running).await;
        let drained = count();
        let panic_of_drop = panics::catch(|| drop(service)).err();
        let tasks_left = life.tasks_left().await;
        Ok(Report {
            outcome,
            was_up,
            restarted,
            panic_of_drop,
            tasks_left,
            seen: std::mem::take(&mut *watch.seen()),
            drained: drained.zip(before).map(|(after, before)| after - before),
        })
    }

    fn registry(&self, service: Watched<S>, company: Company) -> Result<Registry, Violation> {
        let fails = Fails {
            after: match company {
                Company::Need => Duration::ZERO,
                _ => Duration::from_secs(1),
            },
        };
        let builder = Registry::builder().service(SERVICE, service);
        let builder = builder.stop_timeout(self.stop_timeout);
        let builder = match company {
            Company::Nobody => builder,
            Company::Need => builder.after(["dependency"]).service("dependency", fails),
            Company::Other => builder.service("other", fails),
        };
        // Beyond the service's own time, however long that is.
        let deadline = self.stop_timeout.saturating_mul(2);
        let registry = builder.deadline(deadline).build();
        Ok(registry.map_err(Violation::Settings)?.signals(false))
    }
}

struct Life<'a> {
    handle: Handle,
    watch: &'a Watch,
    clock: &'a Clock,
    patience: Duration,
}

impl Life<'_> {
    /// Until it is asked to stop, or there is nothing more to see. Returns whether it was up, and what became of the restart.
    async fn go_on(&self, is_restarted: bool) -> (bool, Option<Result<(), RestartError>>) {
        let was_up = self.up().await;
        if was_up {
            self.work().await;
        }
        if !is_restarted || self.handle.reason().is_some() || !self.is_running() {
            return (was_up, None);
        }
        let restart = self.handle.restart(SERVICE);
        let mut restarted = self.clock.within(self.patience, restart).await;
        if restarted.is_ok() && self.up().await {
            self.work().await;
            restarted = self
                .failure()
                .map_or(Ok(()), |error| Err(RestartError::Failed(error)));
        }
        (was_up, Some(restarted))
    }

    /// Waits until it is up. Returns whether it is.
    async fn up(&self) -> bool {
        let mut moves = self.handle.subscribe();
        let limit = START.saturating_sub(Duration::from_secs(1));
        let up = async { while !self.is_settled() && moves.recv().await.is_some() {} };
        tokio::select! {
            biased;
            _ = self.handle.wait() => {}
            () = self.clock.within(limit, up) => {}
        }
        let status = self.handle.status(SERVICE);
        status.is_some_and(|status| status.is_healthy())
    }

    /// Gives it something to do, and time.
    async fn work(&self) {
        let work = async {
            let status = self.handle.status(SERVICE);
            let shape = status.map(|status| status.shape);
            if matches!(shape, Some(Shape::Scheduled | Shape::Queue)) {
                // What a tick or a flush fails with is counted, and no failure.
                let _ = self.handle.trigger(SERVICE).await;
            }
            sleep(WORK).await;
        };
        tokio::select! {
            biased;
            () = self.watch.asked() => {}
            _ = self.handle.wait() => {}
            () = work => {}
            () = sleep(2 * WORK) => {}
        }
        if self.handle.reason().is_none() {
            self.clock.settle().await;
        }
    }

    async fn stop(&self, running: Running) -> Outcome {
        self.clock.within(self.patience, running.stop()).await
    }

    /// What is on its way to its end has time for that.
    async fn tasks_left(&self) -> usize {
        let mut left = 0;
        for _ in 0..100 {
            self.clock.settle().await;
            left = Runtime::current().metrics().num_alive_tasks();
            if left == 0 {
                break;
            }
        }
        left
    }

    fn is_settled(&self) -> bool {
        let status = self.handle.status(SERVICE);
        status.is_none_or(|status| status.is_healthy() || status.state.is_final())
    }

    fn is_running(&self) -> bool {
        let status = self.handle.status(SERVICE);
        status.is_some_and(|status| status.state == State::Running)
    }

    fn failure(&self) -> Option<ServiceError> {
        self.handle.status(SERVICE)?.error
    }
}

impl Report {
    /// Whether it got so far that there is anything to check.
    pub(super) fn is_started(&self) -> Result<(), Violation> {
        if self.was_up { Ok(()) } else { self.judge() }
    }

    /// Whether it went as every life must: it was up unless it was asked to stop before, failed at nothing, and stopped in
    /// its time.
    pub(super) fn judge(&self) -> Result<(), Violation> {
        let is_its = |error: &&ServiceError| {
            let is_its = error.service() == SERVICE;
            is_its && !matches!(error.fault(), Fault::Dependency(_) | Fault::Late(_))
        };
        let asked_in = self.seen.asked_in;
        if let Some(error) = self.outcome.failures().iter().find(is_its).cloned() {
            return Err(match asked_in {
                Some(phase) => Violation::FailedAtStop { phase, error },
                None if self.was_up && error.phase() == Phase::Drain => Violation::FailedAtStop {
                    phase: Phase::Idle,
                    error,
                },
                None if self.was_up => Violation::EndedByItself(error),
                None if matches!(error.fault(), Fault::StartTimeout(_)) => Violation::NotReady,
                None => Violation::NotStarted(error),
            });
        }
        if let Some(Panic(message)) = &self.panic_of_drop {
            return Err(Violation::PanickedAtDrop(message.clone()));
        }
        if let Some(laggard) = self.outcome.laggards().first() {
            return Err(Violation::Late {
                asked_in,
                phase: laggard.phase,
                had: laggard.had,
            });
        }
        Ok(())
    }
}

/// A service whose startup fails.
struct Fails {
    after: Duration,
}

#[async_trait]
#[diagnostic::do_not_recommend]
impl Service for Fails {
    async fn start(&self, cx: &Context) -> Result {
        let _ = cx.stop_channel().run_until_closed(sleep(self.after)).await;
        Err("it is to fail".into())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}
