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
    let application = cx.application();
    let is_due_to_the_stop = application.request.reason().is_some()
        && matches!(&fault, Fault::Error(error) if application.is_the_stop(error));
    if !is_due_to_the_stop {
        cx.instance().omit_failure();
    }
    let _ = panics::catch(|| drop(fault));
}
