//! How code of a service tells the supervisor that it has failed.

use crate::panics;
use crate::report::error::Fault;
use crate::report::status::Phase;
use crate::shared::application::RunnerNews;
use crate::shared::context::Context;

/// Of the failures of one service the first are told, the others are counted.
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

/// An isolated task has failed, and nothing more.
pub(crate) fn note_isolated(cx: &Context, fault: Fault) {
    if is_due_to_the_stop(cx, &fault) {
        let _ = panics::catch(|| drop(fault));
        return;
    }
    let instance = cx.instance();
    instance.make_isolated().failed(&instance.name, fault);
}

/// Whether the error only says that the application is stopping.
fn is_due_to_the_stop(cx: &Context, fault: &Fault) -> bool {
    let application = cx.application();
    application.request.reason().is_some()
        && matches!(fault, Fault::Error(error) if application.is_the_stop(error))
}
