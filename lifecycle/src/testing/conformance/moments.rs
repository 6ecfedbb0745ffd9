//! The moments of a life: each poll of the service's `start` and `stop`. The service is asked to stop at the end of one
//! of them, from where it is polled, so that nothing can happen in between.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::report::error::Result;
use crate::report::status::Phase;
use crate::shape::service::{BoxFuture, Nature, Sealed, Service, TaskNeed};
use crate::shared::context::Context;

/// Which code of the service is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Start,
    Stop,
}

/// The end of a poll: which one, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) part: Part,
    pub(super) poll: usize,
}

/// What is seen of one life of a service.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What `start` waited in after each of its polls.
    pub(super) phases: Vec<Phase>,
    /// How often `stop` was polled.
    pub(super) polls_of_stop: usize,
    /// How many runs there were.
    pub(super) runs: u64,
    /// How often a hook `drain` began, in the run that had most of them.
    pub(super) drains: u8,
    /// In what it was asked to stop, if the moment came.
    pub(super) asked_in: Option<Phase>,
}

pub(super) struct Watch {
    /// When it is asked to stop.
    moment: Option<Moment>,
    asked: Notify,
    seen: Mutex<Seen>,
    began: Instant,
    /// Since when the poll that is under way goes on, in nanoseconds of real time since `began`; 0 if there is none.
    polling: AtomicU64,
}

impl Watch {
    /// More polls of one life are not told apart.
    const MAX_PHASES: usize = 10_000;

    pub(super) fn new(moment: Option<Moment>) -> Arc<Self> {
        Arc::new(Self {
            moment,
            asked: Notify::new(),
            seen: Mutex::default(),
            began: Instant::now(),
            polling: AtomicU64::new(0),
        })
    }

    /// Resolves at the moment. One call waits at a time.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the poll has gone on that is under way.
    pub(super) fn polls_for(&self) -> Option<Duration> {
        let since = Duration::from_nanos(self.polling.load(Ordering::Relaxed));
        (!since.is_zero()).then(|| self.began.elapsed().saturating_sub(since))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A poll has returned, and there is more to come. Returns whether the moment is now.
    fn note(&self, part: Part, phase: Phase) -> bool {
        let mut seen = self.seen();
        let poll = match part {
            Part::Start if seen.phases.len() == Self::MAX_PHASES => return false,
            Part::Start => {
                seen.phases.push(phase);
                seen.phases.len()
            }
            Part::Stop => {
                seen.polls_of_stop += 1;
                seen.polls_of_stop
            }
        };
        let is_now = self
            .moment
            .is_some_and(|moment| moment.part == part && moment.poll == poll);
        if is_now {
            seen.asked_in = Some(phase);
        }
        is_now
    }
}

/// The service, watched.
pub(super) struct Watched<S> {
    pub(super) service: Arc<S>,
    pub(super) watch: Arc<Watch>,
}

impl<S: Service> Watched<S> {
    async fn poll_watched(&self, part: Part, future: BoxFuture<'_>, cx: &Context) -> Result {
        let watch = &self.watch;
        let polled = Polled {
            future,
            part,
            watch,
            cx,
        };
        polled.await
    }
}

#[async_trait]
#[diagnostic::do_not_recommend]
impl<S: Service> Service for Watched<S> {
    async fn start(&self, cx: &Context) -> Result {
        self.watch.seen().runs += 1;
        self.poll_watched(Part::Start, self.service.start(cx), cx)
            .await
    }

    async fn stop(&self, cx: &Context) -> Result {
        let stopped = self
            .poll_watched(Part::Stop, self.service.stop(cx), cx)
            .await;
        let mut seen = self.watch.seen();
        seen.drains = seen.drains.max(cx.run().drains());
        stopped
    }

    async fn reload(&self, cx: &Context) -> Result {
        self.service.reload(cx).await
    }

    fn __nature(&self, sealed: Sealed) -> Nature {
        Nature {
            task_need: TaskNeed::Always,
            ..self.service.__nature(sealed)
        }
    }

    fn __abandon(&self, cx: &Context, sealed: Sealed) {
        self.service.__abandon(cx, sealed);
    }
}

struct Polled<'a> {
    future: BoxFuture<'a>,
    part: Part,
    watch: &'a Watch,
    cx: &'a Context,
}

impl Future for Polled<'_> {
    type Output = Result;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Result> {
        let polled = {
            let _polling = Polling::begin(self.watch);
            self.future.as_mut().poll(task)
        };
        let phase = self.cx.run().phase();
        if polled.is_pending() && self.watch.note(self.part, phase) {
            self.cx.shutdown();
            self.watch.asked.notify_one();
        }
        polled
    }
}

/// A poll that is under way, also one that ends by a panic.
struct Polling<'a>(&'a Watch);

impl<'a> Polling<'a> {
    fn begin(watch: &'a Watch) -> Self {
        watch.polling.store(watch.now().max(1), Ordering::Relaxed);
        Self(watch)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.polling.store(0, Ordering::Relaxed);
    }
}
