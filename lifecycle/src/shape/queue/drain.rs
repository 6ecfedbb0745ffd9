//! The drain of a queue: it flushes every accepted item, and goes on trying until the service's time to
//! stop is over.
//!
//! A batch that fails is set aside, and the other batches go first. When each batch has had its turn, the
//! drain tries those set aside again, round after round, with the waits of `retry`.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::flushes::{flush_once, flushed, give_way, log_dropped, lose, note_failure};
use super::limits::limits_or_last;
use super::{AttemptsUsedUp, QueueService, count};
use crate::panics::{self, Panic};
use crate::report::error::{BoxError, Fault, Result};
use crate::report::status::Phase;
use crate::shape::Declared;
use crate::shape::intake::{Batch, Outlet};
use crate::shared::context::Context;
use crate::shared::queue_counts::BatchLimits;
use crate::shared::runner_news::RunnerNews;

/// With less time left than this the drain waits for no other attempt.
const MIN_ATTEMPT_TIME: Duration = Duration::from_millis(10);

/// The items that the drain still has to flush. However the drain ends, dropping this counts the
/// remaining ones as lost, unless another run follows, which they wait for.
pub(super) struct Remaining<'a, T> {
    pub(super) outlet: Outlet<T>,
    pub(super) cx: &'a Context,
}

impl<T> Drop for Remaining<'_, T> {
    fn drop(&mut self) {
        // If no other run follows after all, the supervisor ends the queue.
        if self.cx.is_followed() {
            return;
        }
        let lost = self.outlet.end();
        let service = self.cx.name();
        match count(self.cx) {
            Some(counts) => {
                counts.lost(lost, service);
                counts.end(service);
            }
            None if lost > 0 => crate::shared::queue_counts::log_lost(lost, service),
            None => {}
        }
    }
}

/// A batch whose flush has failed.
struct Attempt<T> {
    batch: Batch<T>,
    /// How many of its flushes have returned an error, those before the drain included.
    failures: u32,
    /// Its flush has panicked once. After a second panic the batch is given up.
    has_panicked: bool,
}

/// A drain under way.
struct Drain<'a, S: QueueService> {
    service: &'a S,
    remaining: Remaining<'a, S::Item>,
    limits: BatchLimits,
    set_aside: Vec<Attempt<S::Item>>,
    /// Their items count as lost at the end of the drain, and are dropped only then.
    given_up: Vec<Batch<S::Item>>,
    last_error: Option<BoxError>,
    has_panicked: bool,
}

/// Flushes the remaining items.
pub(super) async fn drain<S: QueueService + Declared>(
    service: &S,
    remaining: Remaining<'_, S::Item>,
) -> Result {
    let mut drain = Drain {
        service,
        limits: limits_or_last(service, remaining.cx),
        remaining,
        set_aside: Vec::new(),
        given_up: Vec::new(),
        last_error: None,
        has_panicked: false,
    };
    drain.remaining.outlet.close();
    log_dropped::<S>(drain.remaining.cx, &mut drain.remaining.outlet);
    // Closing the intake woke producers. They must get their items back even if a flush blocks this
    // thread.
    drain.remaining.cx.application().pass_on_woken();
    drain.try_each().await;
    drain.try_again().await;
    let lost = drain.remaining.outlet.left();
    match drain.last_error.take() {
        Some(cause) if lost > 0 => Err(Lost::new(lost, cause).into()),
        _ => Ok(()),
    }
}

impl<S: QueueService + Declared> Drain<'_, S> {
    /// Tries each batch once, before any failed batch is tried again.
    async fn try_each(&mut self) {
        loop {
            let failures = self.remaining.outlet.failures();
            let Some(batch) = self.remaining.outlet.next_batch(self.limits.size) else {
                return;
            };
            let first = Attempt {
                batch,
                failures,
                has_panicked: false,
            };
            self.attempt(first).await;
        }
    }

    async fn try_again(&mut self) {
        let mut round = 0;
        while !self.set_aside.is_empty() {
            round += 1;
            if !self.wait(round).await {
                return;
            }
            for attempt in mem::take(&mut self.set_aside) {
                self.attempt(attempt).await;
            }
        }
    }

    /// Waits for the next round; false when there will be none. A wait is at most half of the time left,
    /// so that a target that recovers late is still found. Without a deadline the number of attempts
    /// ends the drain.
    async fn wait(&self, round: u32) -> bool {
        let cx = self.remaining.cx;
        let mut wait = <S as QueueService>::RETRY.wait_after(round);
        match cx.deadline() {
            None if round >= S::ATTEMPTS => return false,
            None => {}
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left < MIN_ATTEMPT_TIME {
                    return false;
                }
                wait = wait.min(left / 2);
            }
        }
        let mut waited = pin!(sleep(wait));
        poll_fn(|task| {
            // The deadline may have moved closer meanwhile.
            match cx.deadline() {
                Some(deadline) if deadline <= Instant::now() => Poll::Ready(false),
                _ => waited.as_mut().poll(task).map(|()| true),
            }
        })
        .await
    }

    /// Tries to flush a batch. A batch whose flush panics is tried a second time at once and then given
    /// up, so that the other batches are still flushed.
    async fn attempt(&mut self, mut attempt: Attempt<S::Item>) {
        loop {
            match self.flush(&attempt.batch).await {
                Ok(Ok(())) => {
                    flushed(
                        self.remaining.cx,
                        &mut self.remaining.outlet,
                        attempt.batch,
                        Phase::Drain,
                    );
                    return;
                }
                Ok(Err(error)) => {
                    attempt.failures = attempt.failures.saturating_add(1);
                    self.failed(attempt, error);
                    // Only after a failure: a drain whose flushes succeed at once should complete in one poll.
                    give_way().await;
                    return;
                }
                Err(fault) => {
                    self.panicked(fault);
                    if mem::replace(&mut attempt.has_panicked, true) {
                        self.given_up.push(attempt.batch);
                        return;
                    }
                }
            }
        }
    }

    /// Sets the batch aside, or drops it if that is what becomes of one whose attempts are used up.
    fn failed(&mut self, attempt: Attempt<S::Item>, error: BoxError) {
        if S::ATTEMPTS_USED_UP == AttemptsUsedUp::Drop && attempt.failures >= S::ATTEMPTS {
            let Remaining { outlet, cx } = &mut self.remaining;
            lose(cx, outlet, attempt.batch, Phase::Drain);
        } else {
            self.last_error = Some(error);
            self.set_aside.push(attempt);
        }
    }

    async fn flush(&self, batch: &Batch<S::Item>) -> Result<Result, Fault> {
        let (service, cx) = (self.service, self.remaining.cx);
        let limit = self.limits.flush_timeout;
        let began = Instant::now();
        let mut flush = Box::pin(flush_once(service, batch.items(), limit, cx));
        let ended = poll_fn(|task| panics::catch_poll(flush.as_mut(), task)).await;
        let dropped = panics::catch(|| drop(flush));
        match (ended, dropped) {
            (Ok(result), Ok(())) => Ok(result),
            (Err(Panic(message)), _) | (_, Err(Panic(message))) => {
                let error = Panicked(message.clone());
                note_failure(cx, batch.len(), began.elapsed(), &error);
                Err(Fault::Panic(message))
            }
        }
    }

    /// A panic fails the service. It is reported once, however many batches panic.
    fn panicked(&mut self, fault: Fault) {
        let cx = self.remaining.cx;
        let message = match &fault {
            Fault::Panic(message) => message.clone(),
            _ => String::new(),
        };
        let error: BoxError = Box::new(Panicked(message));
        self.last_error = Some(error);
        if !mem::replace(&mut self.has_panicked, true) {
            let error = cx.application().error(cx.service(), Phase::Drain, fault);
            cx.application()
                .report(cx.service(), RunnerNews::Failed(error));
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`flush` panicked: {0}")]
pub(super) struct Panicked(pub(super) String);

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("1 accepted item was not flushed")]
    One(#[source] BoxError),
    #[error("{0} accepted items were not flushed")]
    Many(usize, #[source] BoxError),
}

impl Lost {
    fn new(items: usize, cause: BoxError) -> Self {
        match items {
            1 => Self::One(cause),
            _ => Self::Many(items, cause),
        }
    }
}
