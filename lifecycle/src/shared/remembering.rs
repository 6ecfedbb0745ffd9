//! The calls of a schedule to its memory: bounded, made again while the memory does not answer, and shown meanwhile.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::panics::log_safely;
use crate::report::error::{self, BoxError, OptionError, Result};
use crate::report::event::EventKind;
use crate::report::point::Point;
use crate::retry::Retry;
use crate::shared::context::Context;
use crate::shared::tick_facts::TickFacts;
use crate::store::{Memory, Remembered};

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The waits between calls that fail.
const WAITS: Retry = Retry::new(Duration::from_millis(200), Duration::from_secs(10));

/// The memory of one schedule, in one run.
pub(crate) struct Remembering<'a> {
    cx: &'a Context,
    ticks: &'a TickFacts,
    memory: Arc<dyn Memory>,
    name: Arc<str>,
    /// How many calls in a row were not answered.
    failures: AtomicU32,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Asked<T> {
    Answered(T),
    /// There was no answer, and the wait after that is over.
    Failed,
    /// The stop was requested before there was an answer.
    Stopped,
}

impl<'a> Remembering<'a> {
    /// Fails if nothing remembers.
    pub(crate) fn new(cx: &'a Context, ticks: &'a TickFacts) -> Result<Self, OptionError> {
        let memory = memory_of(cx)?;
        let name: Arc<str> = match memory.namespace() {
            "" => cx.name().into(),
            namespace => format!("{namespace}/{}", cx.name()).into(),
        };
        ticks.remember_as(name.clone());
        Ok(Self {
            cx,
            ticks,
            memory,
            name,
            failures: AtomicU32::new(0),
        })
    }

    /// What is remembered. The first time the service is known, that is this moment: only points after it are made up
    /// for.
    pub(crate) async fn open(&self) -> Result<Asked<Remembered>> {
        loop {
            let last = match self.ask(|| self.memory.last(&self.name)).await? {
                Asked::Answered(last) => last,
                Asked::Failed => continue,
                Asked::Stopped => return Ok(Asked::Stopped),
            };
            let start = match last {
                // One that was begun and not ended is the same beginning.
                Some(last) => return Ok(Asked::Answered(last)),
                None => Point::new(self.cx.application().wall_time(), 0),
            };
            match self.ask(|| self.memory.begin(&self.name, &start)).await? {
                Asked::Answered(true) => self.end(start).await?,
                Asked::Answered(false) | Asked::Failed => {}
                Asked::Stopped => return Ok(Asked::Stopped),
            }
        }
    }

    /// Asks once whether the point may begin. By the time of another call a later point may be due.
    pub(crate) async fn try_begin(&self, point: Point) -> Result<Asked<bool>> {
        self.ask(|| self.memory.begin(&self.name, &point)).await
    }

    /// Tells the memory that the tick for this point has returned. It is told so at least once though the stop was
    /// requested, and as often as it takes otherwise: without that the point would be run again.
    pub(crate) async fn end(&self, point: Point) -> Result {
        loop {
            let why = match self.call(self.memory.end(&self.name, &point)).await {
                Ok(is_ours) => {
                    self.failures.store(0, Ordering::Relaxed);
                    self.show(None);
                    if !is_ours {
                        let name = &*self.name;
                        log_safely!(warn, service = %self.cx.name(), name, "another process has begun a later point or attempt");
                    }
                    return Ok(());
                }
                Err(error) if error::is_permanent(error.as_ref()) => return Err(error),
                Err(error) => sentence(&error),
            };
            self.show(Some(why));
            if self.waits().await {
                return Ok(());
            }
        }
    }

    /// Makes the call. If it is not answered, waits, longer each time.
    async fn ask<T, F>(&self, call: impl FnOnce() -> F) -> Result<Asked<T>>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        let answer = tokio::select! {
            biased;
            () = self.cx.run().stop.closed() => return Ok(Asked::Stopped),
            answer = self.call(call()) => answer,
        };
        let why = match answer {
            Ok(answer) => {
                self.failures.store(0, Ordering::Relaxed);
                self.show(None);
                return Ok(Asked::Answered(answer));
            }
            Err(error) if error::is_permanent(error.as_ref()) => return Err(error),
            Err(error) => sentence(&error),
        };
        self.show(Some(why));
        if self.waits().await {
            Ok(Asked::Stopped)
        } else {
            Ok(Asked::Failed)
        }
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, BoxError>>) -> Result<T> {
        match timeout(LIMIT, call).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer.into()),
        }
    }

    /// Waits before the next call. Returns whether the stop was requested.
    async fn waits(&self) -> bool {
        let failures = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        tokio::select! {
            biased;
            () = self.cx.run().stop.closed() => true,
            () = sleep(WAITS.wait_after(failures)) => false,
        }
    }

    /// Shows in the status whether the memory answers, and tells of a change.
    fn show(&self, why: Option<Arc<str>>) {
        if !self.ticks.set_trouble(why.as_ref()) {
            return;
        }
        self.cx.tell(match why {
            Some(why) => EventKind::Degraded { why },
            None => EventKind::Recovered,
        });
    }
}

/// The memory of the registry that the service is in.
pub(crate) fn memory_of(cx: &Context) -> Result<Arc<dyn Memory>, OptionError> {
    cx.application().memory().ok_or(OptionError::NoMemory)
}

fn sentence(error: &BoxError) -> Arc<str> {
    let error = error::chain(error.as_ref());
    format!("the memory of the schedule does not answer: {error}").into()
}

/// A call took too long.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {LIMIT:?}")]
struct NoAnswer;
