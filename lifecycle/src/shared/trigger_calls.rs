//! The calls of `trigger` that one tick or one flush will answer.

use std::mem;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::panics;

/// The result of a tick: the text of its error, if it failed.
pub(crate) type TickResult = Result<(), Arc<str>>;

/// The calls of `trigger` that the tick, or the flush, that begins now will answer.
#[derive(Default)]
pub(crate) struct TriggerCalls(Vec<TriggerCall>);

pub(crate) type TriggerCall = oneshot::Sender<TickResult>;

impl TriggerCalls {
    pub(crate) fn new(calls: Vec<TriggerCall>) -> Self {
        Self(calls)
    }

    /// Adds these calls, and leaves none.
    pub(crate) fn take_from(&mut self, calls: &mut Vec<TriggerCall>) {
        let mut calls = mem::take(calls);
        if self.0.is_empty() {
            self.0 = calls;
        } else {
            self.0.append(&mut calls);
        }
    }

    /// Answers the calls. None is left.
    #[inline]
    pub(crate) fn answer(&mut self, result: &TickResult) {
        if !self.0.is_empty() {
            self.answer_each(result);
        }
    }

    fn answer_each(&mut self, result: &TickResult) {
        for call in mem::take(&mut self.0) {
            // An error means that the call was dropped. If a waker panics, its call has the answer.
            let _ = panics::catch(|| call.send(result.clone()));
        }
    }
}

/// When the tick is dropped, each call that waits for it gets an error.
impl Drop for TriggerCalls {
    #[inline]
    fn drop(&mut self) {
        // The usual case.
        if self.0.is_empty() {
            return;
        }
        let _ = panics::drop_each(mem::take(&mut self.0));
    }
}
