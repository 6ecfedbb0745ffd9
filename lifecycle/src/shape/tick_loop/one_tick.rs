//! One tick: the hook of the service, dropped if it takes too long, and its panic a value if that is asked for.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{self, Poll};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Sleep, sleep};

use crate::panics::{self, Panic};
use crate::report::error::Result;
use crate::shape::scheduled::Scheduled;
use crate::shared::context::Context;
use crate::time::OnPanic;

/// Runs one tick, under the limit if that is set. Under `on_panic = continue` a panic becomes its error, also one of the
/// destructor.
///
/// `on_panic` is a function, so that rustc knows its result: it compiles only what this service asks for.
#[inline]
pub(super) async fn tick<S: Scheduled + Sync>(
    service: &S,
    cx: &Context,
    on_panic: impl Fn() -> OnPanic,
    limit: &mut TickLimit,
) -> Result {
    let called = match on_panic() {
        OnPanic::Fail => Ok(service.tick(cx)),
        OnPanic::Continue => panics::catch(|| service.tick(cx)),
    };
    let called = match called {
        Ok(tick) => tick,
        Err(panic) => {
            limit.clear();
            return Err(TickPanic::from(panic).into());
        }
    };
    let mut tick = pin!(Some(called));
    let ended = poll_fn(|task| {
        let ended = match (tick.as_mut().as_pin_mut(), on_panic()) {
            (Some(tick), OnPanic::Fail) => tick.poll(task).map(Ok),
            (Some(tick), OnPanic::Continue) => panics::catch_poll(tick, task),
            (None, _) => Poll::Pending,
        };
        match ended {
            Poll::Pending => limit.poll(task).map(|error| Ok(Err(error.into()))),
            ended @ Poll::Ready(_) => ended,
        }
    })
    .await;
    limit.clear();
    // Before the end of the tick is noted: the destructor is a part of it.
    let dropped = match on_panic() {
        OnPanic::Fail => {
            tick.set(None);
            Ok(())
        }
        OnPanic::Continue => panics::catch(|| tick.set(None)),
    };
    match (ended, dropped) {
        (Ok(result), Ok(())) => result,
        (Err(panic), _) | (_, Err(panic)) => Err(TickPanic::from(panic).into()),
    }
}

/// How long the tick in flight may take. Without memory until one has a limit.
#[derive(Default)]
pub(super) struct TickLimit(Option<Box<Limit>>);

#[derive(Default)]
struct Limit {
    length: Duration,
    /// Kept in place from tick to tick, so that none allocates. `None` while no tick is in flight.
    timer: Pin<Box<Option<Sleep>>>,
}

impl TickLimit {
    /// A tick begins, with this limit.
    #[cold]
    pub(super) fn set(&mut self, length: Duration) {
        let limit = self.0.get_or_insert_default();
        limit.length = length;
        limit.timer.set(Some(sleep(length)));
    }

    /// Ready when the tick in flight has taken too long.
    #[inline]
    fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<TickTimeout> {
        match &mut self.0 {
            None => Poll::Pending,
            Some(limit) => limit.poll(task),
        }
    }

    /// The tick has ended.
    #[inline]
    fn clear(&mut self) {
        if let Some(limit) = &mut self.0 {
            limit.timer.set(None);
        }
    }
}

impl Limit {
    fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<TickTimeout> {
        let Some(timer) = self.timer.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        // Unconstrained, because a tick that has used up tokio's budget for the task would else never be late.
        let over = pin!(unconstrained(timer)).poll(task);
        over.map(|()| TickTimeout(self.length))
    }
}

/// The tick was dropped: it took longer than its `tick_timeout`.
#[derive(Debug, thiserror::Error)]
#[error("the tick was dropped: it took longer than {0:?}")]
struct TickTimeout(Duration);

/// The tick panicked, under `on_panic = continue`.
#[derive(Debug, thiserror::Error)]
#[error("`tick` panicked: {0}")]
struct TickPanic(String);

impl From<Panic> for TickPanic {
    fn from(Panic(message): Panic) -> Self {
        Self(message)
    }
}
