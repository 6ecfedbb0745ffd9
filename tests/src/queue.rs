//! A queue that notes what it flushes and when.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::__private::{Declared, QueueService, QueueShape, Retry};
use lifecycle::{Context, Intake, Queue, Result};
use tokio::time::{Instant, sleep};

use crate::trace::Does;
use crate::watch::millis;

/// What one flush of a [`Gatherer`] was given and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flush {
    /// When it began, in milliseconds since the gatherer was made.
    pub at: u64,
    /// The items.
    pub batch: Vec<u64>,
    /// Whether it succeeded.
    pub done: bool,
}

/// A queue of numbers. Clones are the same.
#[derive(Clone, Debug)]
pub struct Gatherer {
    /// Where its items come in.
    pub intake: Intake<u64>,
    origin: Instant,
    inner: Arc<Mutex<Inner>>,
}

/// What a flush does, by its batch and the milliseconds since the gatherer was made; `None`: as
/// [`Gatherer::does`] says.
pub type Rule = fn(&[u64], u64) -> Option<Does>;

#[derive(Debug)]
struct Inner {
    rule: Option<Rule>,
    size: usize,
    interval: Duration,
    startup: Does,
    does: Vec<Does>,
    flushes: Vec<Flush>,
    in_flight: bool,
    faults: Vec<String>,
}

impl Gatherer {
    /// Batches of `size`, after `interval` milliseconds at the latest; room for `capacity` items that wait.
    #[must_use]
    pub fn new(size: usize, interval: u64, capacity: usize) -> Self {
        Self {
            intake: Intake::bounded(capacity),
            origin: Instant::now(),
            inner: Arc::new(Mutex::new(Inner {
                rule: None,
                size,
                interval: millis(interval),
                startup: Does::Take(0),
                does: vec![Does::Take(0)],
                flushes: Vec::new(),
                in_flight: false,
                faults: Vec::new(),
            })),
        }
    }

    /// What the flushes do; the last is repeated.
    #[must_use]
    pub fn does(self, does: &[Does]) -> Self {
        self.inner().does = does.to_vec();
        self
    }

    /// What a flush does by what it is given and when.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        self.inner().rule = Some(rule);
        self
    }

    /// What `startup` does.
    #[must_use]
    pub fn startup(self, does: Does) -> Self {
        self.inner().startup = does;
        self
    }

    /// Changes size and interval from now on.
    pub fn turn(&self, size: usize, interval: u64) {
        let mut inner = self.inner();
        inner.size = size;
        inner.interval = millis(interval);
    }

    /// Every flush that was begun, in order.
    #[must_use]
    pub fn flushes(&self) -> Vec<Flush> {
        self.inner().flushes.clone()
    }

    /// The batches and when each was flushed, failed attempts included.
    #[must_use]
    pub fn batches(&self) -> Vec<(u64, Vec<u64>)> {
        let flushes = self.flushes().into_iter();
        flushes.map(|flush| (flush.at, flush.batch)).collect()
    }

    /// The items of the flushes that succeeded.
    #[must_use]
    pub fn flushed(&self) -> Vec<u64> {
        let done = self.flushes().into_iter().filter(|flush| flush.done);
        done.flat_map(|flush| flush.batch).collect()
    }

    /// What must never happen and did: empty batches, batches over the size, flushes beside each other.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.inner().faults.clone()
    }

    /// Milliseconds since the gatherer was made.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Sleeps until so many milliseconds since the gatherer was made.
    pub async fn reach(&self, milliseconds: u64) {
        tokio::time::sleep_until(self.origin + millis(milliseconds)).await;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, batch: &[u64]) -> (Under<'_>, Does) {
        let at = self.now();
        let mut inner = self.inner();
        let index = inner.flushes.len();
        let wrong = [
            (inner.in_flight, "beside another"),
            (batch.is_empty(), "of nothing"),
            (batch.len() > inner.size, "of too many"),
        ];
        for (_, what) in wrong.iter().filter(|(is, _)| *is) {
            let fault = format!("flush {index} at {at} {what}");
            inner.faults.push(fault);
        }
        assert!(inner.faults.len() < 1000, "{:?}", inner.faults[0]);
        inner.in_flight = true;
        inner.flushes.push(Flush {
            at,
            batch: batch.to_vec(),
            done: false,
        });
        let ruled = inner.rule.and_then(|rule| rule(batch, at));
        let does = ruled.unwrap_or(inner.does[index.min(inner.does.len() - 1)]);
        (Under { of: self, index }, does)
    }
}

/// A flush under way.
struct Under<'a> {
    of: &'a Gatherer,
    index: usize,
}

impl Drop for Under<'_> {
    fn drop(&mut self) {
        self.of.inner().in_flight = false;
    }
}

async fn perform(does: Does) -> Result {
    match does {
        Does::Hang => pending().await,
        Does::Panic(message) => panic!("{message}"),
        Does::Take(0) => Ok(()),
        Does::Take(time) => {
            sleep(millis(time)).await;
            Ok(())
        }
        Does::Fail(time, message) => {
            sleep(millis(time)).await;
            Err(message.into())
        }
    }
}

impl Declared for Gatherer {
    type Shape = QueueShape;
}

impl QueueService for Gatherer {
    const RETRY: Retry = Retry::new(millis(100), millis(10_000));
    const ATTEMPTS: u32 = 5;
    const INTERVAL: &'static str = "every";

    fn size(&self) -> usize {
        self.inner().size
    }

    fn interval(&self) -> Duration {
        self.inner().interval
    }
}

impl Queue for Gatherer {
    type Item = u64;

    fn intake(&self) -> &Intake<u64> {
        &self.intake
    }

    async fn startup(&self, _: &Context) -> Result {
        let does = self.inner().startup;
        perform(does).await
    }

    async fn flush(&self, batch: &[u64], _: &Context) -> Result {
        let (under, does) = self.begin(batch);
        let result = perform(does).await;
        self.inner().flushes[under.index].done = result.is_ok();
        result
    }
}
