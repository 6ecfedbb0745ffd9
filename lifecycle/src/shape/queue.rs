//! The queue shape: any number of producers send items, the service flushes them batch by batch, and every
//! item that is lost is counted.

mod between_runs;
mod drain;
mod flushes;
mod limits;
mod options;
mod run_loop;
mod share;
mod triggered;

use std::future::Future;
use std::time::Duration;

use self::drain::Remaining;
use self::limits::limits;
pub use self::options::{AttemptsUsedUp, Overflow};
use super::{Declared, Live, Nothing, is_left_out};
use crate::panics;
use crate::report::error::Result;
use crate::report::status::Shape;
use crate::retry::Retry;
use crate::shape::intake::Intake;
use crate::shared::context::Context;
use crate::shared::queue_counts::{Holder, QueueCounts};

/// The hooks of a service that gathers items and flushes them in batches: events to a database,
/// metrics to a collector.
///
/// A batch is flushed when it is full or its interval is over, counted from when its first item was
/// taken in, whichever is first; never two at once. A flush that fails keeps the batch and is tried
/// again, with longer and longer waits, and the service shows as degraded meanwhile; when the attempts
/// are used up the service fails with the last cause, or, under `attempts_used_up = drop`, the batch is
/// dropped and counted lost, and the next one has its turn. A panic is always the service's failure. Size
/// and interval are read for each batch; where they are wrong the last ones that were right go on to hold.
///
/// [`Handle::trigger`](crate::Handle::trigger) flushes what was accepted so far now.
///
/// A full intake makes [`send`](Intake::send) wait. Under `overflow = drop_oldest` it never does: the
/// oldest item that waits is dropped to make room, and counted in
/// [`QueueStatus::dropped`](crate::QueueStatus::dropped). The batch in hand, whose flush is in flight or will
/// be tried again, is not touched.
///
/// A restart keeps the intake open: `send` goes on, or waits for room, and what was accepted is flushed by the
/// next run. Before that, the run that ends flushes each batch once, until one fails; a batch whose attempts
/// were used up, or whose flush has panicked, waits at once, and comes first in the next run, with all its
/// attempts. Nothing of it is lost unless the application stops before that run is up.
///
/// On a stop, or a failure that is final, the intake closes, and everything that was accepted is flushed
/// within the service's time. There a batch that fails is set aside, and the others go first; then those set
/// aside are tried again, with the same waits, until the [deadline](Context::deadline) of the service. So a
/// target that is away for a part of that time costs nothing, and a batch that can never be flushed uses it
/// all. What is lost then was tried to the end; it is counted in the
/// [status](crate::ServiceStatus::queue) and named in the [`Outcome`](crate::Outcome) with the last
/// cause. A batch is the unit: an item that makes its flush fail takes the others of its batch with it.
/// Under `attempts_used_up = drop` a batch is dropped here as well when its attempts are used up, those
/// before the stop included, and such a loss does not fail the drain.
///
/// Every item that was accepted is flushed, counted dropped or counted lost, in every ending: a flush that
/// blocks its thread beyond the stop, a runtime that ends, a service that never started, a registry that is
/// dropped or refused. The intake is closed then, and `send` gives the item back. (Only a queue behind a
/// [decorator](crate::Service) that is never started does not hear of it.)
///
/// The hook `drain` runs after all that, for what is no item: a connection to close, a file to sync.
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
    /// Under the start timeout. Dropped when the application stops meanwhile. An error or a panic is the
    /// service's failure, and that of all that depend on it; with `startup(retry = ..)` beside the shape an
    /// error is tried again.
    fn startup(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Writes a batch, which is never empty. An error keeps the batch for another attempt.
    ///
    /// Dropped half way when its `flush_timeout` is over, which is a failed attempt like an error. Without
    /// one it may take as long as it likes, and holds up the batches behind it.
    ///
    /// A stop does not wait for the `flush_timeout`: at three quarters of the service's time to stop the
    /// flush is dropped as late, and then called again with the same batch by the drain; there, at the end
    /// of that time, or at three quarters of the drain's if there is a hook [`drain`](Self::drain). A
    /// `flush_timeout` that is over sooner holds in the drain too, so that a flush that hangs costs the other
    /// batches no more than that.
    fn flush(&self, batch: &[Self::Item], cx: &Context) -> impl Future<Output = Result> + Send;

    /// What is left to do after the last flush: closing the connection that `flush` writes to. Runs once for
    /// each completed `startup`, whatever has become of the items. Default: nothing.
    ///
    /// A service that has it leaves it a quarter of the time of the drain: a flush that goes on for longer is
    /// dropped as late, and what is left is counted lost. Dropped itself when the service's time to stop is
    /// over: see [`Context::deadline`], which tells either of them its own end.
    fn drain(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }

    /// Takes over new values, when a [reload](crate::Handle::reload) of the application is asked for. Runs beside
    /// a `flush`, in the same task. Default: nothing.
    ///
    /// Under the start timeout. An error is logged, shows in the status and is returned to who asked; the
    /// service goes on. Dropped when the service stops meanwhile.
    fn reload(&self, cx: &Context) -> impl Future<Output = Result> + Send {
        let _ = cx;
        Nothing::<Self>::new()
    }
}

/// What `#[service(queue(..))]` implements. Its bound makes rustc ask for the hooks.
pub trait QueueService: Queue {
    /// `retry = ..`: the waits between attempts.
    const RETRY: Retry = Retry::new(Duration::from_millis(100), Duration::from_secs(10));
    /// `attempts = ..`: how often a batch is tried. Under [`AttemptsUsedUp::Fail`] the drain counts
    /// attempts only if it has no deadline.
    const ATTEMPTS: u32 = 5;
    /// `attempts_used_up = ..`
    const ATTEMPTS_USED_UP: AttemptsUsedUp = AttemptsUsedUp::Fail;
    /// `overflow = ..`
    const OVERFLOW: Overflow = Overflow::Wait;
    /// The interval as the attribute spells it, for messages.
    const INTERVAL: &'static str;

    /// How many items make a batch.
    fn size(&self) -> usize;

    /// How long the first item of a batch waits for the others.
    fn interval(&self) -> Duration;

    /// `flush_timeout = ..`
    fn flush_timeout(&self) -> Option<Duration> {
        None
    }
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

    /// Before the start already: `send` may be called from then on, and must not wait.
    fn register(service: &S) {
        if S::OVERFLOW == Overflow::DropOldest {
            // `intake` is code of the user's.
            let _ = panics::catch(|| service.intake().drop_oldest());
        }
    }

    async fn startup(service: &S, cx: &Context) -> Result {
        // A decorator has hidden the service from the registry.
        Self::register(service);
        if let Some(counts) = count(cx) {
            counts.open(&service.intake().erased(), cx.name());
            if let Ok(limits) = limits(service) {
                counts.set_limits(limits);
            }
        }
        service.startup(cx).await
    }

    fn run(service: &S, (): (), cx: &Context) -> impl Future<Output = Result> + Send {
        run_loop::run(service, cx)
    }

    async fn drain(service: &S, cx: &Context) -> Result {
        let flushes = flush_remaining(service, cx);
        if is_left_out(S::drain) {
            return flushes.await;
        }
        share::flush_in_share(cx, flushes).await;
        service.drain(cx).await
    }

    fn abandon(service: &S, cx: &Context) {
        if let Some(counts) = count(cx) {
            counts.open_unstarted(service.intake().erased());
        }
        // `run` was not called, so this service does not hold the outlet itself.
        if let Some(outlet) = service.intake().try_outlet(holder(cx)) {
            drop(Remaining { outlet, cx });
        }
    }

    fn reload(service: &S, cx: &Context) -> impl Future<Output = Result> + Send {
        service.reload(cx)
    }

    fn reloads() -> bool {
        !is_left_out(S::reload)
    }
}

async fn flush_remaining<S: QueueService + Declared>(service: &S, cx: &Context) -> Result {
    // If another service that shares the intake holds the outlet, it flushes the remaining items.
    let Some(mut outlet) = service.intake().try_outlet(holder(cx)) else {
        return Ok(());
    };
    if cx.is_followed() {
        between_runs::flush(service, &mut outlet, cx).await;
    }
    // The application may have been asked to stop meanwhile.
    if cx.is_followed() {
        return Ok(());
    }
    drain::drain(service, Remaining { outlet, cx }).await
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
#[error(
    "its intake is closed, for its service has ended before: another registry needs a new `Intake`"
)]
struct ClosedIntake;
