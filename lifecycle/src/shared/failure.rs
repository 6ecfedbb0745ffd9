//! Reports a failure of a service's code to the supervisor.

use crate::panics;
use crate::report::error::Fault;
use crate::report::status::Phase;
use crate::shared::context::Context;
use crate::shared::runner_news::RunnerNews;

/// Reports the failure, or only counts it if the service has failed too often.
pub(crate) fn fail(cx: &Context, phase: Phase, fault: impl Into<Fault>) {
    let fault = fault.into();
    if cx.instance().has_failed_enough() {
        omit(cx, fault);
        return;
    }
    let error = cx.application().error(cx.service(), phase, fault);
    cx.application()
        .report(cx.service(), RunnerNews::Failed(error));
}

fn omit(cx: &Context, fault: Fault) {
    if !is_due_to_the_stop(cx, &fault) {
        cx.instance().omit_failure();
    }
    let _ = panics::catch(|| drop(fault));
}

/// Counts and logs the failure of an isolated task, which is no failure of the service.
pub(crate) fn note_isolated(cx: &Context, fault: Fault) {
    if is_due_to_the_stop(cx, &fault) {
        let _ = panics::catch(|| drop(fault));
        return;
    }
    let instance = cx.instance();
    instance.make_isolated().failed(&instance.name, fault);
}

/// Whether the error only reports that the application is stopping.
fn is_due_to_the_stop(cx: &Context, fault: &Fault) -> bool {
    let application = cx.application();
    application.request.reason().is_some()
        && matches!(fault, Fault::Error(error) if application.is_the_stop(error))
}
