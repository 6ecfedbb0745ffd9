//! The queue shape: items in from anybody, batches out to one flush after another, nothing lost
//! unseen.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;

use super::{Declared, Live};
use crate::backoff::Retry;
use crate::contain::say;
use crate::context::Context;
use crate::error::{BoxError, Result, ScheduleError};
use crate::intake::{Intake, Outlet};
use crate::status::{Phase, QueueStatus, Shape};

/// The hooks of a service that gathers items and flushes them in batches: events to a database,
/// metrics to a collector.
///
/// A batch is flushed when it is full or its interval is over, counted from when its first item was
/// taken in, whichever is first; never two at once. A flush that fails keeps the batch and is tried
/// again, with longer and longer waits; when the attempts are used up the service fails with the
/// last cause. On a stop the intake closes, and everything that was accepted is flushed within the
/// service's time; what could not be is counted in the [status](crate::ServiceStatus::queue) and
/// named in the [`Outcome`](crate::Outcome).
///
/// A batch whose flush was dropped half way, because it was late or panicked, is flushed again by
/// the drain: each other item is flushed exactly once.
///
/// ```
/// use lifecycle::{Context, Intake, Queue, Result, service};
///
/// struct Event;
///
/// #[service(queue(size = 500, interval = "1s"))]
/// struct Audit { events: Intake<Event> }
///
/// impl Queue for Audit {
///     type Item = Event;
///
///     fn intake(&self) -> &Intake<Event> { &self.events }
///
///     async fn flush(&self, batch: &[Event], _: &Context) -> Result {
///         insert_all(batch).await
///     }
/// }
/// # async fn insert_all(_: &[Event]) -> Result { Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a queue but does not implement `Queue`",
    label = "this service has no `Queue` impl",
    note = "add `impl Queue for {Self} {{ type Item = ..; fn intake(..) ..; async fn flush(..) .. }}`"
)]
pub trait Queue {
    /// What is gathered.
    type Item: Send + Sync + 'static;

    /// Where the items come in: a field of the service.
    fn intake(&self) -> &Intake<Self::Item>;

    /// Runs before the service counts as running; dependents wait for it. Default: nothing.
    ///
    /// Under the start timeout. Dropped when the application stops meanwhile.
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Writes a batch, which is never empty. An error keeps the batch for another attempt.
    fn flush(&self, batch: &[Self::Item], cx: &Context) -> impl Future<Output = Result> + Send;
}

/// What `#[service(queue(..))]` implements: the bound is what asks for the hooks.
pub trait QueueService: Queue {
    /// `retry = ..`: the waits between attempts.
    const RETRY: Retry = Retry::new(Duration::from_millis(100), Duration::from_secs(10));
    /// `attempts = ..`: how often a batch is tried before the service fails.
    const ATTEMPTS: u32 = 5;
    /// The interval as the attribute says it, for messages.
    const INTERVAL: &'static str;

    /// How many items make a batch.
    fn size(&self) -> usize;

    /// How long the first item of a batch waits for the others.
    fn interval(&self) -> Duration;
}

/// The shape of `#[service(queue(..))]`.
#[derive(Debug)]
pub struct QueueShape;

impl<S: QueueService + Declared> Live<S> for QueueShape {
    const SHAPE: Shape = Shape::Queue;

    fn check(service: &S) -> Result {
        limits(service)?;
        if service.intake().is_closed() {
            return Err(ClosedIntake.into());
        }
        Ok(())
    }

    fn startup(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.startup(cx)
    }

    async fn run(service: &S, cx: &Context) -> Result {
        let cell = cx.cell();
        let mut stopped = pin!(cell.stop.closed());
        cell.enter(Phase::Idle);
        // At once, unless another service shares the intake.
        let mut outlet = tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            outlet = service.intake().outlet() => outlet,
        };
        loop {
            cell.enter(Phase::Idle);
            let (size, interval) = limits(service)?;
            tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                () = outlet.fill(size, interval) => {}
            }
            cell.enter(Phase::Flush);
            flush(service, cx, &mut outlet, stopped.as_mut()).await?;
            // Stopped between two attempts: the batch is the drain's.
            if !outlet.batch.is_empty() {
                return Ok(());
            }
        }
    }

    async fn drain(service: &S, cx: &Context) -> Result {
        // Where somebody else has it, who shares the intake, what is left is theirs.
        let Some(outlet) = service.intake().try_outlet() else {
            return Ok(());
        };
        let mut rest = Rest { outlet, cx };
        rest.outlet.close();
        let size = service.size().max(1);
        while rest.outlet.fill_with_rest(size) {
            // Nobody stops a drain but its deadline.
            let never = pin!(std::future::pending());
            if let Err(cause) = flush(service, cx, &mut rest.outlet, never).await {
                let lost = rest.outlet.left();
                return Err(Lost { lost, cause }.into());
            }
        }
        Ok(())
    }

    fn abandon(service: &S, cx: &Context) {
        // Nothing has run, so nobody holds it.
        if let Some(mut outlet) = service.intake().try_outlet() {
            outlet.close();
            drop(Rest { outlet, cx });
        }
    }
}

/// Flushes the batch, as often as it takes. `Ok` with a batch that is still there: stopped between
/// two attempts.
async fn flush<S: QueueService + Declared>(
    service: &S,
    cx: &Context,
    outlet: &mut Outlet<S::Item>,
    mut stopped: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result {
    let mut failures = 0;
    loop {
        let Err(error) = service.flush(&outlet.batch, cx).await else {
            count(cx, |counts| &counts.flushed, outlet.batch.len());
            outlet.clear_batch();
            return Ok(());
        };
        failures += 1;
        count(cx, |counts| &counts.failures, 1);
        say!(warn, service = cx.name(), %error, failures, "flush failed");
        if failures >= S::ATTEMPTS {
            return Err(error);
        }
        tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            () = sleep(<S as QueueService>::RETRY.wait_after(failures)) => {}
        }
    }
}

fn limits<S: QueueService>(service: &S) -> Result<(usize, Duration), ScheduleError> {
    let (size, interval) = (service.size(), service.interval());
    if size == 0 {
        return Err(ScheduleError::EmptyBatch);
    }
    if interval.is_zero() {
        return Err(ScheduleError::Zero {
            setting: "interval",
            field: S::INTERVAL,
        });
    }
    Ok((size, interval))
}

/// What the drain still has to flush. However it ends, what is left then is lost, and counted.
struct Rest<'a, T> {
    outlet: OwnedMutexGuard<Outlet<T>>,
    cx: &'a Context,
}

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
        let lost = self.outlet.left();
        if lost > 0 {
            count(self.cx, |counts| &counts.lost, lost);
            // Perhaps on the way out of a panic already.
            say!(error, service = self.cx.name(), lost, "items lost");
        }
    }
}

fn count(cx: &Context, which: impl Fn(&QueueCounts) -> &AtomicU64, items: usize) {
    if let Some(counts) = cx.cell().queue() {
        which(counts).fetch_add(items as u64, Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("its intake is closed by a run before this one: a new run of a queue needs a new `Intake`")]
struct ClosedIntake;

#[derive(Debug, thiserror::Error)]
#[error("{lost} accepted items were not flushed")]
struct Lost {
    lost: usize,
    #[source]
    cause: BoxError,
}

/// The counts of a queue, kept in the service's cell.
#[derive(Debug, Default)]
pub(crate) struct QueueCounts {
    flushed: AtomicU64,
    failures: AtomicU64,
    lost: AtomicU64,
}

impl QueueCounts {
    pub(crate) fn status(&self) -> QueueStatus {
        QueueStatus {
            flushed: self.flushed.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}
