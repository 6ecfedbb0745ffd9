//! The loop of a queue while it runs: it gathers a batch, flushes it, and tries again when that fails.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::flushes::{flush_once, flushed, give_way, log_dropped, lose};
use super::limits::{limits_or_last, read_limits};
use super::triggered::Triggered;
use super::{AttemptsUsedUp, QueueService, count, holder};
use crate::report::error::Result;
use crate::report::status::Phase;
use crate::shape::Declared;
use crate::shape::intake::Outlet;
use crate::shared::context::Context;
use crate::shared::queue_counts::QueueCounts;

/// Runs until the stop is requested, or until the attempts of a batch are used up.
pub(super) async fn run<S: QueueService + Declared>(service: &S, cx: &Context) -> Result {
    let run = cx.run();
    let mut stopped = pin!(run.stop.closed());
    run.enter(Phase::Idle);
    let mut triggered = Triggered::new(cx);
    // This waits only if another service shares the intake.
    let mut outlet = tokio::select! {
        biased;
        () = &mut stopped => return Ok(()),
        outlet = service.intake().outlet(holder(cx)) => outlet,
    };
    // The attempts of a run before this one.
    outlet.forget_failures();
    loop {
        run.enter(Phase::Idle);
        let limit = tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            limit = gather(service, cx, &mut outlet, &triggered) => limit,
        };
        log_dropped::<S>(cx, &mut outlet);
        if outlet.is_empty() {
            // A flush was asked for, and there is nothing to flush.
            triggered.begin(&outlet);
            triggered.settled(0, &outlet);
            continue;
        }
        run.enter(Phase::Flush);
        flush(
            service,
            cx,
            &mut outlet,
            limit,
            &mut triggered,
            stopped.as_mut(),
        )
        .await?;
        // The stop came between two attempts: the drain flushes the batch.
        if !outlet.is_empty() {
            return Ok(());
        }
    }
}

/// How often an idle queue reads its limits again.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
/// The same while they are wrong, so that the status soon shows when they are right again.
const RECHECK_WRONG_LIMITS: Duration = Duration::from_secs(1);

/// Resolves when there is a batch to flush. The limits of a batch are read when its first item is there.
/// Returns how long its flush may take.
async fn gather<S: QueueService>(
    service: &S,
    cx: &Context,
    outlet: &mut Outlet<S::Item>,
    triggered: &Triggered<'_>,
) -> Option<Duration> {
    give_way().await;
    let is_asked = || triggered.is_due();
    loop {
        let is_wrong = count(cx).is_some_and(QueueCounts::has_problem);
        let check = if is_wrong {
            RECHECK_WRONG_LIMITS
        } else {
            CLOCK_CHECK
        };
        let is_there = timeout(check, outlet.item(is_asked)).await.is_ok();
        read_limits(service, cx);
        if is_there {
            break;
        }
    }
    let limits = limits_or_last(service, cx);
    if outlet.is_tried() {
        // By the run before this one.
        return limits.flush_timeout;
    }
    outlet.fill(limits.size, limits.interval, is_asked).await;
    // Tokio queues a task that was woken here behind this one, on this thread. It runs before a flush
    // that may block the thread.
    if outlet.has_woken() {
        yield_now().await;
    }
    limits.flush_timeout
}

/// Flushes the batch, with retries. `Ok` while the outlet still holds the batch means that the stop came
/// between two attempts.
async fn flush<S: QueueService + Declared>(
    service: &S,
    cx: &Context,
    outlet: &mut Outlet<S::Item>,
    limit: Option<Duration>,
    triggered: &mut Triggered<'_>,
    mut stopped: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result {
    loop {
        triggered.begin(outlet);
        let Err(error) = flush_once(service, outlet.batch(), limit, cx).await else {
            let batch = outlet.take_batch();
            let items = batch.len();
            flushed(cx, outlet, batch, Phase::Flush);
            triggered.settled(items, outlet);
            return Ok(());
        };
        triggered.failed(&error);
        let failures = outlet.failed();
        if failures >= S::ATTEMPTS {
            match S::ATTEMPTS_USED_UP {
                AttemptsUsedUp::Fail => return Err(error),
                AttemptsUsedUp::Drop => {
                    let batch = outlet.take_batch();
                    lose(cx, outlet, batch, Phase::Flush);
                    return Ok(());
                }
            }
        }
        tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            () = triggered.asked() => {}
            () = sleep(<S as QueueService>::RETRY.wait_after(failures)) => {}
        }
    }
}
