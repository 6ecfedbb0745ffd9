//! Nested runs: registries that code of a service has started. They belong to that service.
//!
//! A nested run goes on like any other, until its owner stops it. If it is still up when the service is over,
//! it is stopped then, within the time that the service has left, and its services are dropped when that is
//! over. So the stop of the outer run leaves nothing of a nested one behind.
//!
//! # Invariants
//!
//! A mark on the thread names the service whose code starts a run (see [`current`]). The service adopts the
//! run under the lock of its tasks, before the run's supervisor is spawned. It closes its tasks under the same
//! lock before it takes its runs out to stop them. So each run is among those, or was refused. A run's `gone`
//! is closed when its supervisor is dropped, for whatever reason; of the run only code that blocks its thread
//! can be left then.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;

use crate::report::reason::Reason;
use crate::report::status::Phase;
use crate::shared::application::Application;
use crate::shared::context::Context;
use crate::shared::current::{self, ServiceId};
use crate::shared::orders::Orders;
use crate::shared::runner_news::RunnerNews;

/// All applications whose services may start nested runs, by address, as [`current`] names them. The `Weak`
/// keeps the address from being used again.
static RUNS: Mutex<BTreeMap<usize, Weak<Application>>> = Mutex::new(BTreeMap::new());

/// The services of this application may start nested runs from now on.
pub(crate) fn begin(run: &Arc<Application>) {
    runs().insert(Arc::as_ptr(run).addr(), Arc::downgrade(run));
}

/// The application is over.
pub(crate) fn end(run: &Arc<Application>) {
    let left = runs().remove(&Arc::as_ptr(run).addr());
    drop(left);
}

/// The application of this service, if it is up.
pub(crate) fn application(service: ServiceId) -> Option<Arc<Application>> {
    let application = runs().get(&service.application).cloned();
    application.as_ref().and_then(Weak::upgrade)
}

/// Gives the run to the service whose code starts it. False if that service takes no more runs; true if no
/// service starts it.
pub(crate) fn adopt(run: &Arc<Application>) -> bool {
    let Some(owner) = current::owner() else {
        return true;
    };
    application(owner.service).is_none_or(|outer| {
        let current = outer.instance(owner.service.index as usize).run();
        // The code of an earlier run of the service can't start anything any more.
        current.is_some_and(|current| owner.is_of(&current) && current.tasks.adopt(run))
    })
}

/// Asks the runs of a service that is over to stop.
pub(crate) fn stop(runs: &[Arc<Application>]) {
    for run in runs {
        run.ask_to_stop(Reason::Dropped);
        run.stop.close();
    }
}

/// Leaves the runs no time to stop.
pub(crate) fn cut(runs: &[Arc<Application>]) {
    for run in runs {
        run.cut.close();
    }
}

/// Stops the runs of a service that has ended, and waits for them. A run that is not gone when the service's
/// time is over counts as a late task of the service, and is cut.
pub(crate) async fn leave(cx: Context, runs: Vec<Arc<Application>>) {
    stop(&runs);
    let orders = &cx.run().orders;
    let was_over = orders.given(Orders::DROP_ALL);
    let mut is_cut = false;
    for run in &runs {
        let mut gone = run.gone.closed();
        poll_fn(|task| {
            orders.listen(task);
            let waits = Pin::new(&mut gone).poll(task).is_pending();
            if waits && !is_cut && orders.given(Orders::DROP_ALL) {
                is_cut = true;
                if !was_over {
                    cx.application()
                        .report(cx.service(), RunnerNews::Late(Phase::Task));
                }
                cut(&runs);
            }
            if waits {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

/// Whether the service is a registry whose run is not over yet.
pub(crate) fn is_ending_inside(cx: &Context) -> bool {
    let inner = cx.instance().inner();
    inner.is_some_and(|inner| inner.has_begun() && !inner.gone.is_closed())
}

/// Resolves when all of these runs are gone.
pub(crate) async fn gone(runs: &[Arc<Application>]) {
    for run in runs {
        run.gone.closed().await;
    }
}

fn runs() -> MutexGuard<'static, BTreeMap<usize, Weak<Application>>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}
