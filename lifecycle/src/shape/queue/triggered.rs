//! The calls of `trigger` that the loop of a queue answers.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use super::count;
use crate::report::error::{self, BoxError};
use crate::shape::intake::Outlet;
use crate::shared::context::Context;
use crate::shared::queue_counts::QueueCounts;
use crate::shared::trigger_calls::TriggerCalls;

/// Made by the loop when it begins. When the loop ends, by itself or dropped, each call that waits gets an
/// error.
pub(super) struct Triggered<'a> {
    counts: Option<&'a QueueCounts>,
    /// The calls that flushes from now on answer, the oldest first: how many items must be settled for it.
    calls: VecDeque<(usize, TriggerCalls)>,
}

impl<'a> Triggered<'a> {
    pub(super) fn new(cx: &'a Context) -> Self {
        let counts = count(cx);
        if let Some(counts) = counts {
            counts.calls.open();
        }
        Self {
            counts,
            calls: VecDeque::new(),
        }
    }

    /// Whether a flush was asked for that has not ended.
    pub(super) fn is_due(&self) -> bool {
        !self.calls.is_empty() || self.counts.is_some_and(|counts| counts.calls.is_asked())
    }

    /// Resolves when a flush is asked for. Cancel-safe.
    pub(super) async fn asked(&self) {
        match self.counts {
            Some(counts) => counts.calls.asked().await,
            None => pending().await,
        }
    }

    /// A flush begins: it answers the calls that wait now, if it is the last that they need.
    pub(super) fn begin<T>(&mut self, outlet: &Outlet<T>) {
        if let Some(counts) = self.counts.filter(|counts| counts.calls.is_asked()) {
            // The calls first: what was sent before one of them is counted then.
            let calls = counts.calls.take();
            self.calls.push_back((outlet.left(), calls));
        }
    }

    /// So many items were flushed. Answers the calls whose items these were.
    pub(super) fn settled<T>(&mut self, items: usize, outlet: &Outlet<T>) {
        if self.calls.is_empty() {
            return;
        }
        let is_empty = outlet.left() == 0;
        for (needed, _) in &mut self.calls {
            *needed = needed.saturating_sub(items);
        }
        while let Some((needed, _)) = self.calls.front() {
            if *needed > 0 && !is_empty {
                return;
            }
            if let Some((_, mut calls)) = self.calls.pop_front() {
                calls.answer(&Ok(()));
            }
        }
    }

    /// The flush failed: that is the answer to all calls before it began.
    pub(super) fn failed(&mut self, error: &BoxError) {
        if self.calls.is_empty() {
            return;
        }
        let text: Arc<str> = error::chain(error.as_ref()).into();
        for (_, mut calls) in self.calls.drain(..) {
            calls.answer(&Err(text.clone()));
        }
    }
}

impl Drop for Triggered<'_> {
    fn drop(&mut self) {
        if let Some(counts) = self.counts {
            counts.calls.close();
        }
    }
}
