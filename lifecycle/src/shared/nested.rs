//! Runs that belong to a service of another run: registries that code of a service has started.
//!
//! Such a run goes on as any other, and its owner stops it. What is still there when the service is over is
//! stopped then, within what is left of the service's time, and cut when that is over: the stop of the outer
//! run leaves nothing of it behind.
//!
//! # Invariants
//!
//! The thread says whose code starts a run (see [`current`]); a run is adopted before its supervisor is
//! spawned, under the lock of the service's tasks, whose door is shut before the service lets go of its runs.
//! So a run is among those that are let go of, or was refused. `gone` of a run is closed when its supervisor
//! is dropped, however that comes; nothing of the run is left then but code that blocks its thread.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;

use crate::report::reason::Reason;
use crate::report::status::Phase;
use crate::shared::application::{Application, RunnerNews};
use crate::shared::context::Context;
use crate::shared::current;
use crate::shared::orders::Orders;

/// All runs whose services may start others, by the address of their core, as [`current`] tells it. A `Weak`
/// keeps the address from being used again.
static RUNS: Mutex<BTreeMap<usize, Weak<Application>>> = Mutex::new(BTreeMap::new());

/// Services of this run may start others from now on.
pub(crate) fn begin(run: &Arc<Application>) {
    runs().insert(Arc::as_ptr(run).addr(), Arc::downgrade(run));
}

/// The run has come to its end.
pub(crate) fn end(run: &Arc<Application>) {
    let left = runs().remove(&Arc::as_ptr(run).addr());
    drop(left);
}

/// Gives the run to the service whose code starts it. False where that takes none any more; a run that no
/// service starts belongs to itself.
pub(crate) fn adopt(run: &Arc<Application>) -> bool {
    let Some(owner) = current::owner() else {
        return true;
    };
    let outer = runs()
        .get(&owner.service.application)
        .and_then(Weak::upgrade);
    outer.is_none_or(|outer| {
        let current = outer.instances[owner.service.index as usize].run();
        // Code of an earlier run is code of a service that is over.
        current.is_some_and(|current| owner.is_of(&current) && current.tasks.adopt(run))
    })
}

/// Asks runs to stop whose service is over.
pub(crate) fn stop(runs: &[Arc<Application>]) {
    for run in runs {
        run.ask_to_stop(Reason::Dropped);
        run.stop.close();
    }
}

/// Leaves them no time.
pub(crate) fn cut(runs: &[Arc<Application>]) {
    for run in runs {
        run.cut.close();
    }
}

/// The service has come to its end: so do the runs that its code has started. What is not gone when its time
/// is over is late, as its tasks would be.
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

/// Resolves when none of them is left.
pub(crate) async fn gone(runs: &[Arc<Application>]) {
    for run in runs {
        run.gone.closed().await;
    }
}

fn runs() -> MutexGuard<'static, BTreeMap<usize, Weak<Application>>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}
