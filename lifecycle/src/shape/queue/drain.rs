//! The last flush of a queue: what was accepted, tried until the time to stop is over.
//!
//! A batch that fails is set aside, and the others go first. When each has had its turn, those set
//! aside are tried again, round after round, with the waits of `retry`; what is lost in the end was
//! tried to the end.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{QueueService, count, flushed, give_way, limits_or_last, note_failure, under_way};
use crate::panics;
use crate::report::error::{BoxError, Fault, Result};
use crate::report::status::Phase;
use crate::shape::Declared;
use crate::shape::intake::{Batch, Outlet};
use crate::shared::application::RunnerNews;
use crate::shared::context::Context;

/// With less time left than this another attempt is not worth waiting for.
const LAST_CALL: Duration = Duration::from_millis(10);

/// What the drain still has to flush. However it ends, what is left then is lost, and counted.
pub(super) struct Rest<'a, T> {
    pub(super) outlet: Outlet<T>,
    pub(super) cx: &'a Context,
}

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
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
struct Aside<T> {
    batch: Batch<T>,
    /// Its flush has panicked: once more, and it is given up.
    has_panicked: bool,
}

/// A drain under way.
struct Drain<'a, S: QueueService> {
    service: &'a S,
    rest: Rest<'a, S::Item>,
    aside: Vec<Aside<S::Item>>,
    /// Kept until they are counted.
    given_up: Vec<Batch<S::Item>>,
    last_error: Option<BoxError>,
    has_panicked: bool,
}

/// Flushes what is left.
pub(super) async fn drain<S: QueueService + Declared>(
    service: &S,
    rest: Rest<'_, S::Item>,
) -> Result {
    let mut drain = Drain {
        service,
        rest,
        aside: Vec::new(),
        given_up: Vec::new(),
        last_error: None,
        has_panicked: false,
    };
    drain.rest.outlet.close();
    // A producer whose item comes back need not wait for a flush that blocks this thread.
    drain.rest.cx.application().pass_on_woken();
    drain.try_each().await;
    drain.try_again().await;
    let lost = drain.rest.outlet.left();
    match drain.last_error.take() {
        Some(cause) if lost > 0 => Err(Lost::new(lost, cause).into()),
        _ => Ok(()),
    }
}

impl<S: QueueService + Declared> Drain<'_, S> {
    /// Each batch has a turn before one that has failed has another.
    async fn try_each(&mut self) {
        let size = limits_or_last(self.service, self.rest.cx).size;
        while let Some(batch) = self.rest.outlet.rest(size) {
            let first = Aside {
                batch,
                has_panicked: false,
            };
            self.attempt(first).await;
        }
    }

    async fn try_again(&mut self) {
        let mut round = 0;
        while !self.aside.is_empty() {
            round += 1;
            if !self.wait(round).await {
                return;
            }
            for aside in mem::take(&mut self.aside) {
                self.attempt(aside).await;
            }
        }
    }

    /// Waits for the next round; false when there will be none. As the end comes nearer the waits get
    /// shorter, so that a target that comes back late is found. Without a deadline it is the number of
    /// attempts that ends it.
    async fn wait(&self, round: u32) -> bool {
        let cx = self.rest.cx;
        let mut wait = <S as QueueService>::RETRY.wait_after(round);
        match cx.deadline() {
            None if round >= S::ATTEMPTS => return false,
            None => {}
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left < LAST_CALL {
                    return false;
                }
                wait = wait.min(left / 2);
            }
        }
        let mut waited = pin!(sleep(wait));
        poll_fn(|task| {
            // It may have come nearer meanwhile.
            match cx.deadline() {
                Some(deadline) if deadline <= Instant::now() => Poll::Ready(false),
                _ => waited.as_mut().poll(task).map(|()| true),
            }
        })
        .await
    }

    /// Tries to flush a batch. One that panics is tried a second time at once, as after a panic while
    /// the service ran, and then given up: the others are not lost with it.
    async fn attempt(&mut self, mut aside: Aside<S::Item>) {
        loop {
            match self.flush(&aside.batch).await {
                Ok(Ok(())) => {
                    flushed(
                        self.rest.cx,
                        &mut self.rest.outlet,
                        aside.batch,
                        Phase::Drain,
                    );
                    return;
                }
                Ok(Err(error)) => {
                    self.last_error = Some(error);
                    self.aside.push(aside);
                    // Not after a success: a drain that need not wait is done at one look.
                    give_way().await;
                    return;
                }
                Err(fault) => {
                    self.panicked(fault);
                    if mem::replace(&mut aside.has_panicked, true) {
                        self.given_up.push(aside.batch);
                        return;
                    }
                }
            }
        }
    }

    async fn flush(&self, batch: &Batch<S::Item>) -> Result<Result, Fault> {
        let (service, cx) = (self.service, self.rest.cx);
        let _under_way = under_way(cx);
        let mut flush = Box::pin(async { service.flush(batch.items(), cx).await });
        let ended = poll_fn(|task| panics::catch_poll(flush.as_mut(), task)).await;
        let dropped = panics::catch(|| drop(flush));
        let result = match (ended, dropped) {
            (Ok(result), Ok(())) => Ok(result),
            (Err(panic), _) | (_, Err(panic)) => Err(panic.into()),
        };
        if let Ok(Err(error)) = &result {
            note_failure(cx, error.as_ref());
        }
        result
    }

    /// A panic is the service's failure, said once however many batches panic.
    fn panicked(&mut self, fault: Fault) {
        let cx = self.rest.cx;
        let message = match &fault {
            Fault::Panic(message) => message.clone(),
            _ => String::new(),
        };
        let error: BoxError = Box::new(Panicked(message));
        note_failure(cx, error.as_ref());
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
struct Panicked(String);

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
