//! The queue shape: any number of producers send items, the service flushes them batch by batch, and every
//! item that is lost is counted.

mod drain;

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop::poll_proceed;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use self::drain::Remaining;
use super::{Declared, Live};
use crate::panics::log_safely;
use crate::report::error::{self, OptionError, Result};
use crate::report::status::{Phase, Shape};
use crate::shape::intake::{Batch, Intake, Outlet};
use crate::shared::context::Context;
use crate::shared::queue_counts::{BatchLimits, Holder, QueueCounts};
use crate::shared::runner_news::RunnerNews;
use crate::time::retry::Retry;

/// The hooks of a service that gathers items and flushes them in batches: events to a database,
/// metrics to a collector.
///
/// A batch is flushed when it is full or its interval is over, counted from when its first item was
/// taken in, whichever is first; never two at once. A flush that fails keeps the batch and is tried
/// again, with longer and longer waits, and the service shows as degraded meanwhile; when the attempts
/// are used up the service fails with the last cause. Size and interval are read for each batch; where
/// they are wrong the last ones that were right go on to hold.
///
/// On a stop the intake closes, and everything that was accepted is flushed within the service's time.
/// There a batch that fails is set aside, and the others go first; then those set aside are tried
/// again, with the same waits, until the [deadline](Context::deadline) of the service. So a target
/// that is away for a part of that time costs nothing, and a batch that can never be flushed uses it
/// all. What is lost then was tried to the end; it is counted in the
/// [status](crate::ServiceStatus::queue) and named in the [`Outcome`](crate::Outcome) with the last
/// cause. A batch is the unit: an item that makes its flush fail takes the others of its batch with it.
///
/// Every item that was accepted is flushed or counted lost, in every ending: a flush that blocks its
/// thread beyond the stop, a runtime that ends, a service that never started, a registry that is dropped
/// or refused. The intake is closed then, and `send` gives the item back. (Only a queue behind a
/// [decorator](crate::Service) that is never started does not hear of it.)
///
/// A batch whose flush was dropped half way, because it was late or panicked, is flushed again by
/// the drain, once more if it panics there: each other item is flushed exactly once.
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
    ///
    /// Dropped half way at three quarters of the service's time to stop, and then called again with
    /// the same batch by the drain; there, at the end of that time.
    fn flush(&self, batch: &[Self::Item], cx: &Context) -> impl Future<Output = Result> + Send;
}

/// What `#[service(queue(..))]` implements. Its bound makes rustc ask for the hooks.
pub trait QueueService: Queue {
    /// `retry = ..`: the waits between attempts.
    const RETRY: Retry = Retry::new(Duration::from_millis(100), Duration::from_secs(10));
    /// `attempts = ..`: how often a batch is tried before the service fails. The drain counts attempts
    /// only if it has no deadline.
    const ATTEMPTS: u32 = 5;
    /// The interval as the attribute spells it, for messages.
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

    type Started = ();

    fn check(service: &S) -> Result {
        limits(service)?;
        if service.intake().is_closed() {
            return Err(ClosedIntake.into());
        }
        Ok(())
    }

    async fn startup(service: &S, cx: &Context) -> Result {
        if let Some(counts) = count(cx) {
            counts.open(service.intake().erased());
            if let Ok(limits) = limits(service) {
                counts.set_limits(limits);
            }
        }
        service.startup(cx).await
    }

    async fn run(service: &S, (): (), cx: &Context) -> Result {
        let run = cx.run();
        let mut stopped = pin!(run.stop.closed());
        run.enter(Phase::Idle);
        // This waits only if another service shares the intake.
        let mut outlet = tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            outlet = service.intake().outlet(holder(cx)) => outlet,
        };
        loop {
            run.enter(Phase::Idle);
            tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                () = gather(service, cx, &mut outlet) => {}
            }
            run.enter(Phase::Flush);
            flush(service, cx, &mut outlet, stopped.as_mut()).await?;
            // The stop came between two attempts: the drain flushes the batch.
            if !outlet.is_empty() {
                return Ok(());
            }
        }
    }

    async fn drain(service: &S, cx: &Context) -> Result {
        // If another service that shares the intake holds the outlet, it flushes the remaining items.
        match service.intake().try_outlet(holder(cx)) {
            Some(outlet) => drain::drain(service, Remaining { outlet, cx }).await,
            None => Ok(()),
        }
    }

    fn abandon(service: &S, cx: &Context) {
        // `run` was not called, so this service does not hold the outlet itself.
        if let Some(outlet) = service.intake().try_outlet(holder(cx)) {
            drop(Remaining { outlet, cx });
        }
    }
}

/// How often an idle queue reads its limits again.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
/// The same while they are wrong, so that the status soon shows when they are right again.
const RECHECK_WRONG_LIMITS: Duration = Duration::from_secs(1);

/// Resolves when there is a batch to flush. The limits of a batch are read when its first item is there.
async fn gather<S: QueueService>(service: &S, cx: &Context, outlet: &mut Outlet<S::Item>) {
    give_way().await;
    loop {
        let is_wrong = count(cx).is_some_and(QueueCounts::has_problem);
        let check = if is_wrong {
            RECHECK_WRONG_LIMITS
        } else {
            CLOCK_CHECK
        };
        let is_there = timeout(check, outlet.item()).await.is_ok();
        read_limits(service, cx);
        if is_there {
            break;
        }
    }
    let BatchLimits { size, interval } = limits_or_last(service, cx);
    outlet.fill(size, interval).await;
    // Tokio queues a task that was woken here behind this one, on this thread. It runs before a flush
    // that may block the thread.
    if outlet.has_woken() {
        yield_now().await;
    }
}

/// Flushes the batch, with retries. `Ok` while the outlet still holds the batch means that the stop came
/// between two attempts.
async fn flush<S: QueueService + Declared>(
    service: &S,
    cx: &Context,
    outlet: &mut Outlet<S::Item>,
    mut stopped: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result {
    let mut failures = 0;
    loop {
        let result = {
            let _under_way = under_way(cx);
            service.flush(outlet.batch(), cx).await
        };
        let Err(error) = result else {
            let batch = outlet.take_batch();
            flushed(cx, outlet, batch, Phase::Flush);
            return Ok(());
        };
        failures += 1;
        note_failure(cx, error.as_ref());
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

/// Counts a batch as flushed, and drops its items. A panic of an item's destructor fails the service.
fn flushed<T>(cx: &Context, outlet: &mut Outlet<T>, batch: Batch<T>, phase: Phase) {
    let items = batch.len();
    if outlet.flushed(items) {
        if let Some(counts) = count(cx) {
            counts.flushed(items);
        }
    }
    let (fault, buffer) = batch.drop_items();
    outlet.reuse(buffer);
    if let Some(fault) = fault {
        let error = cx.application().error(cx.service(), phase, fault);
        cx.application()
            .report(cx.service(), RunnerNews::Failed(error));
    }
}

/// Counts and logs a failed attempt, and shows it in the status.
fn note_failure(cx: &Context, error: &(dyn StdError + 'static)) {
    let text: Arc<str> = error::chain(error).into();
    log_safely!(warn, service = cx.name(), error = &*text, "flush failed");
    if let Some(counts) = count(cx) {
        counts.failed(text);
    }
}

/// The status shows a flush in flight until the result is dropped.
fn under_way(cx: &Context) -> UnderWay<'_> {
    let counts = count(cx);
    if let Some(counts) = counts {
        counts.flush_began();
    }
    UnderWay(counts)
}

struct UnderWay<'a>(Option<&'a QueueCounts>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(counts) = self.0 {
            counts.flush_ended();
        }
    }
}

/// Yields to other tasks if this one has used up what tokio grants it in one turn.
async fn give_way() {
    poll_fn(|task| poll_proceed(task).map(|turns| turns.made_progress())).await;
}

fn limits<S: QueueService>(service: &S) -> Result<BatchLimits, OptionError> {
    let (size, interval) = (service.size(), service.interval());
    if size == 0 {
        return Err(OptionError::EmptyBatch);
    }
    if interval.is_zero() {
        return Err(OptionError::QueueInterval { field: S::INTERVAL });
    }
    Ok(BatchLimits { size, interval })
}

/// Reads the limits. Wrong ones change nothing: the service shows as degraded until they are right.
fn read_limits<S: QueueService>(service: &S, cx: &Context) {
    let Some(counts) = count(cx) else { return };
    let problem: Option<Arc<str>> = match limits(service) {
        Ok(limits) => {
            counts.set_limits(limits);
            None
        }
        Err(error) => Some(error.to_string().into()),
    };
    let before = counts.set_problem(problem.clone());
    match &problem {
        Some(why) if before != problem => {
            log_safely!(warn, service = cx.name(), why = &**why, "degraded");
        }
        None if before.is_some() => {
            log_safely!(info, service = cx.name(), "recovered");
        }
        _ => {}
    }
}

/// The last limits that were right.
fn limits_or_last<S: QueueService>(service: &S, cx: &Context) -> BatchLimits {
    let known = count(cx).and_then(QueueCounts::limits);
    known.unwrap_or_else(|| BatchLimits {
        size: service.size().max(1),
        interval: service.interval(),
    })
}

/// The counts of this service. `None` if it is not registered as a queue, as within a unit test.
fn count(cx: &Context) -> Option<&QueueCounts> {
    cx.instance().queue()
}

/// How the intake tells this service from others that share it.
fn holder(cx: &Context) -> Holder {
    count(cx).map_or(0, QueueCounts::holder)
}

#[derive(Debug, thiserror::Error)]
#[error("its intake is closed by a run before this one: a new run of a queue needs a new `Intake`")]
struct ClosedIntake;
