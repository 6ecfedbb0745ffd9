//! The drain of a run that is followed by another one. The intake stays open: no item is lost, and what is not
//! flushed here is flushed by the next run.

use std::future::poll_fn;

use tokio::time::Instant;

use super::QueueService;
use super::drain::Panicked;
use super::flushes::{flush_once, flushed, log_dropped, note_failure};
use super::limits::limits_or_last;
use crate::panics::{self, Panic};
use crate::report::status::Phase;
use crate::shape::intake::Outlet;
use crate::shared::context::Context;

/// Flushes what was accepted before the drain began, batch by batch, until one fails. That one and those behind
/// it wait, in their order. A batch that the run has tried waits as well.
///
/// A failure here fails neither the drain nor the service: the next run has all its attempts.
pub(super) async fn flush<S: QueueService>(
    service: &S,
    outlet: &mut Outlet<S::Item>,
    cx: &Context,
) {
    log_dropped::<S>(cx, outlet);
    let limits = limits_or_last(service, cx);
    // Producers go on sending.
    let mut left = outlet.left();
    while left > 0 && !outlet.is_tried() && cx.is_followed() {
        outlet.take(limits.size);
        if outlet.is_empty() {
            // They were written off.
            break;
        }
        let items = outlet.count();
        let began = Instant::now();
        let mut flushing = Box::pin(flush_once(
            service,
            outlet.batch(),
            limits.flush_timeout,
            cx,
        ));
        let ended = poll_fn(|task| panics::catch_poll(flushing.as_mut(), task)).await;
        let dropped = panics::catch(|| drop(flushing));
        match (ended, dropped) {
            (Ok(Ok(())), Ok(())) => {
                let batch = outlet.take_batch();
                flushed(cx, outlet, batch, Phase::Drain);
                left = left.saturating_sub(items);
            }
            (Ok(Err(_)), Ok(())) => {}
            (Err(Panic(message)), _) | (_, Err(Panic(message))) => {
                note_failure(cx, items, began.elapsed(), &Panicked(message));
            }
        }
    }
}
