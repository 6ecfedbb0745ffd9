//! The task of a service, for one run: the runner until the service is down, then the end of its tasks, the
//! destructor of the service, and the report that it is down.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::panics::{self, CatchOnDrop};
use crate::report::error::Fault;
use crate::report::status::Phase;
use crate::run::runner::Runner;
use crate::shape::service::{Sealed, Service};
use crate::shared::context::Context;
use crate::shared::failure;
use crate::shared::nested;
use crate::shared::runner_news::RunnerNews;
use crate::shared::scope::{ServiceSpan, SharedSpan, within};

/// Which part of a run the task carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunPart {
    /// `start` and all that follows.
    Whole,
    /// Only `stop`, because the start of the service had no code to run.
    Stop,
    /// Only the drop, because the service is down already.
    Drop,
}

/// Runs the service until it is down. Returns the service if it is kept for another run. Dropping the future
/// drops the service where it stands.
pub(crate) fn run(
    cx: Context,
    service: Arc<dyn Service>,
    part: RunPart,
) -> impl Future<Output = Kept> + Send {
    let span = cx.span_of_run();
    let subject = Subject { cx, span, service };
    // An `async fn` future stores its arguments twice; an `async` block does not.
    async move {
        if part != RunPart::Drop {
            Runner::new(&subject, part).await;
        }
        // The parts of `subject` are not moved to variables: the future would keep both.
        let cx = &subject.cx;
        // No tasks are left, but one may have been spawned since.
        cx.run().tasks.close();
        poll_fn(|task| cx.run().tasks.poll_gone(task)).await;
        // A oneshot that succeeds before it is asked to stop is done, though a restart was on its way to it.
        let is_done = cx.run().succeeded.load(Ordering::Acquire);
        let kept = if cx.run().keeps_service.load(Ordering::Acquire) && !is_done {
            Some(CatchOnDrop::new(subject.service))
        } else {
            drop_service(cx, subject.span.as_deref(), subject.service, part);
            None
        };
        drop(subject.span);
        let runs = cx.run().tasks.take_runs();
        if !runs.is_empty() {
            // Boxed, so that services without nested registries don't carry the larger future.
            Box::pin(nested::leave(cx.clone(), runs)).await;
            // If `stop` has not returned it, because it was dropped.
            let verdict = cx.instance().inner().and_then(|inner| inner.verdict());
            if let Some(error) = verdict {
                failure::fail(cx, Phase::Drain, Fault::Error(error.into()));
            }
        }
        cx.instance().close_log(cx.run());
        let is_kept = kept.is_some();
        cx.application()
            .report(cx.service(), RunnerNews::Down { is_kept });
        kept
    }
}

/// The service, if it is kept for another run.
pub(crate) type Kept = Option<CatchOnDrop<Arc<dyn Service>>>;

/// Drops the service. Its destructor is its last code, and runs before the supervisor hears that the service is
/// down, so before any of its dependencies is stopped.
fn drop_service(
    cx: &Context,
    span: Option<&ServiceSpan>,
    service: Arc<dyn Service>,
    part: RunPart,
) {
    let dropped = within(cx.current(), span, || {
        if part == RunPart::Drop {
            // The items that a queue has accepted meanwhile count as lost.
            let _ = panics::catch(|| service.__abandon(cx, Sealed::OPEN));
        }
        panics::catch(|| drop(service))
    });
    if let Err(fault) = dropped {
        failure::fail(cx, Phase::Drain, fault);
    }
}

/// The service and its scope.
pub(super) struct Subject {
    pub(super) cx: Context,
    pub(super) span: SharedSpan,
    pub(super) service: Arc<dyn Service>,
}
