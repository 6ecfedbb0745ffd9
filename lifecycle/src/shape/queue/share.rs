//! How a drain that has a hook shares its time: the last flushes have three quarters of it, so that the hook is
//! called even if a flush hangs.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{self, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::count;
use crate::panics::{self, Panic};
use crate::report::error::{Fault, Result};
use crate::report::status::Phase;
use crate::shared::context::Context;
use crate::shared::failure;
use crate::shared::queue_counts::QueueCounts;
use crate::shared::runner_news::RunnerNews;

/// Runs the last flushes, and reports what goes wrong with them. Those that are still under way when their
/// share of the time is over are dropped, and late.
pub(super) async fn flush_in_share(cx: &Context, flushes: impl Future<Output = Result> + Send) {
    let _share = Share::begin(cx);
    let mut flushes = Box::pin(flushes);
    let mut timer = pin!(sleep(Duration::MAX));
    let ended = poll_fn(|task| {
        if let Poll::Ready(ended) = panics::catch_poll(flushes.as_mut(), task) {
            return Poll::Ready(Some(ended));
        }
        poll_over(cx, timer.as_mut(), task).map(|()| None)
    })
    .await;
    let dropped = panics::catch(|| drop(flushes));
    if ended.is_none() {
        cx.run().note_late();
        cx.application()
            .report(cx.service(), RunnerNews::Late(Phase::Drain));
    }
    match (ended, dropped) {
        (Some(Ok(Err(error))), _) => failure::fail(cx, Phase::Drain, Fault::Error(error)),
        (Some(Err(Panic(message))), _) | (_, Err(Panic(message))) => {
            failure::fail(cx, Phase::Drain, Fault::Panic(message));
        }
        _ => {}
    }
}

/// Ready when the share is over. The deadline may move closer meanwhile, and the task is woken then.
fn poll_over(
    cx: &Context,
    mut timer: std::pin::Pin<&mut Sleep>,
    task: &mut task::Context<'_>,
) -> Poll<()> {
    match cx.deadline() {
        None => Poll::Pending,
        Some(deadline) if deadline <= Instant::now() => Poll::Ready(()),
        Some(deadline) => {
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            timer.poll(task)
        }
    }
}

/// While it exists, the context tells the end of the share as the deadline.
struct Share<'a>(Option<&'a QueueCounts>);

impl<'a> Share<'a> {
    fn begin(cx: &'a Context) -> Self {
        let counts = count(cx);
        if let Some(counts) = counts {
            counts.set_share(Some(Instant::now()));
        }
        Self(counts)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if let Some(counts) = self.0 {
            counts.set_share(None);
        }
    }
}
