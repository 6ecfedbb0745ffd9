//! One flush of a batch, in the loop or in the drain, and what is counted and logged of it.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop::poll_proceed;
use tokio::time::timeout;

use super::{Overflow, QueueService, count};
use crate::panics::log_safely;
use crate::report::error::{self, Result};
use crate::report::event::EventKind;
use crate::report::status::Phase;
use crate::shape::intake::{Batch, Outlet};
use crate::shared::context::Context;
use crate::shared::queue_counts::{QueueCounts, log_lost};
use crate::shared::runner_news::RunnerNews;

/// Calls `flush` with these items, once. What takes longer than `limit` is dropped, and has failed. A failure is
/// counted, and shows in the status.
pub(super) async fn flush_once<S: QueueService>(
    service: &S,
    items: &[S::Item],
    limit: Option<Duration>,
    cx: &Context,
) -> Result {
    let under_way = under_way(cx);
    let result = match limit {
        None => service.flush(items, cx).await,
        Some(limit) => match timeout(limit, service.flush(items, cx)).await {
            Ok(result) => result,
            Err(_) => Err(FlushTimeout(limit).into()),
        },
    };
    let took = under_way.end();
    match &result {
        Ok(()) => note_success(cx, items.len(), took),
        Err(error) => note_failure(cx, items.len(), took, error.as_ref()),
    }
    result
}

#[derive(Debug, thiserror::Error)]
#[error("the flush was dropped: it took longer than {0:?}")]
struct FlushTimeout(Duration);

/// Counts a batch as flushed, and drops its items.
pub(super) fn flushed<T>(cx: &Context, outlet: &mut Outlet<T>, batch: Batch<T>, phase: Phase) {
    let items = batch.len();
    if outlet.settled(items) {
        if let Some(counts) = count(cx) {
            counts.flushed(items);
        }
    }
    drop_items(cx, outlet, batch, phase);
}

/// Counts a batch as lost, because its attempts are used up, and drops its items.
pub(super) fn lose<T>(cx: &Context, outlet: &mut Outlet<T>, batch: Batch<T>, phase: Phase) {
    let items = batch.len();
    if outlet.settled(items) {
        match count(cx) {
            Some(counts) => counts.lost(items, cx.name()),
            None => log_lost(items, cx.name()),
        }
    }
    drop_items(cx, outlet, batch, phase);
}

/// A panic of an item's destructor fails the service.
fn drop_items<T>(cx: &Context, outlet: &mut Outlet<T>, batch: Batch<T>, phase: Phase) {
    let (fault, buffer) = batch.drop_items();
    outlet.reuse(buffer);
    if let Some(fault) = fault {
        let error = cx.application().error(cx.service(), phase, fault);
        cx.application()
            .report(cx.service(), RunnerNews::Failed(error));
    }
}

/// Logs how many items were dropped to make room since the last batch.
pub(super) fn log_dropped<S: QueueService>(cx: &Context, outlet: &mut Outlet<S::Item>) {
    if S::OVERFLOW == Overflow::Wait {
        return;
    }
    let dropped = outlet.newly_dropped();
    if dropped > 0 {
        log_safely!(warn, service = cx.name(), dropped, "oldest items dropped");
    }
}

fn note_success(cx: &Context, items: usize, took: Duration) {
    if cx.application().is_observed() {
        let error = None;
        cx.tell(EventKind::FlushEnded { items, took, error });
    }
}

/// Counts and tells of a failed attempt, and shows it in the status.
pub(super) fn note_failure(
    cx: &Context,
    items: usize,
    took: Duration,
    error: &(dyn StdError + 'static),
) {
    let text: Arc<str> = error::chain(error).into();
    if let Some(counts) = count(cx) {
        counts.failed(text.clone());
    }
    let error = Some(text);
    cx.tell(EventKind::FlushEnded { items, took, error });
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

impl UnderWay<'_> {
    /// The flush has ended. Returns how long it took.
    fn end(self) -> Duration {
        let took = self.0.and_then(QueueCounts::flush_age);
        took.unwrap_or_default()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(counts) = self.0 {
            counts.flush_ended();
        }
    }
}

/// Yields to other tasks if this one has used up what tokio grants it in one turn.
pub(super) async fn give_way() {
    poll_fn(|task| poll_proceed(task).map(|turns| turns.made_progress())).await;
}
