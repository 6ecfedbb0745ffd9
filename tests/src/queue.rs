//! A queue that notes what it flushes and when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::__private::{Declared, QueueService, QueueShape, Retry};
use lifecycle::{Context, Intake, Queue, Result};

use crate::journal::Journal;
use crate::script::{Hook, nothing};
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

const FLUSH: &str = "flush";

/// A queue of numbers. Clones are the same.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "a rule is a closure")]
pub struct Gatherer {
    /// Where its items come in.
    pub intake: Intake<u64>,
    journal: Journal,
    inner: Arc<Mutex<Inner>>,
}

/// What a flush does, by its batch and the milliseconds since the gatherer was made; `None`: as
/// [`Gatherer::does`] says.
type Rule = Box<dyn Fn(&[u64], u64) -> Option<Hook> + Send>;

struct Inner {
    rule: Rule,
    size: usize,
    interval: Duration,
    flush_timeout: Duration,
    startup: Hook,
    does: Vec<Hook>,
    flushes: Vec<Flush>,
    faults: Vec<String>,
}

impl Gatherer {
    /// Batches of `size`, after `interval` milliseconds at the latest; room for `capacity` items that wait.
    #[must_use]
    pub fn new(size: usize, interval: u64, capacity: usize) -> Self {
        Self {
            intake: Intake::bounded(capacity),
            journal: Journal::new(),
            inner: Arc::new(Mutex::new(Inner {
                rule: Box::new(|_, _| None),
                size,
                interval: millis(interval),
                flush_timeout: Duration::MAX,
                startup: nothing(),
                does: vec![nothing()],
                flushes: Vec::new(),
                faults: Vec::new(),
            })),
        }
    }

    /// What the flushes do; the last is repeated.
    #[must_use]
    pub fn does(self, does: impl Into<Vec<Hook>>) -> Self {
        self.inner().does = does.into();
        self
    }

    /// What a flush does by what it is given and when.
    #[must_use]
    pub fn rule(self, rule: impl Fn(&[u64], u64) -> Option<Hook> + Send + 'static) -> Self {
        self.inner().rule = Box::new(rule);
        self
    }

    /// What `startup` does.
    #[must_use]
    pub fn startup(self, hook: Hook) -> Self {
        self.inner().startup = hook;
        self
    }

    /// How many milliseconds a flush may take from now on, where the attribute asks for it.
    pub fn limit(&self, flush_timeout: u64) {
        self.inner().flush_timeout = millis(flush_timeout);
    }

    /// How long a flush may take now.
    #[must_use]
    pub fn flush_timeout(&self) -> Duration {
        self.inner().flush_timeout
    }

    /// Changes size and interval from now on.
    pub fn turn(&self, size: usize, interval: u64) {
        let mut inner = self.inner();
        inner.size = size;
        inner.interval = millis(interval);
    }

    /// The size of a batch now.
    #[must_use]
    pub fn size(&self) -> usize {
        self.inner().size
    }

    /// The interval now.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.inner().interval
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
        let mut faults = self.inner().faults.clone();
        faults.extend(self.journal.overlaps(FLUSH));
        faults
    }

    /// Milliseconds since the gatherer was made.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.journal.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Sleeps until so many milliseconds since the gatherer was made.
    pub async fn reach(&self, milliseconds: u64) {
        self.journal.reach(milliseconds).await;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the flush; its index, and what it does.
    fn begin(&self, batch: &[u64]) -> (usize, Hook) {
        let at = self.now();
        let mut inner = self.inner();
        let index = inner.flushes.len();
        if batch.is_empty() || batch.len() > inner.size {
            let fault = format!("flush {index} at {at} of {} items", batch.len());
            inner.faults.push(fault);
        }
        inner.flushes.push(Flush {
            at,
            batch: batch.to_vec(),
            done: false,
        });
        let last = inner.does.len() - 1;
        let hook = (inner.rule)(batch, at).unwrap_or_else(|| inner.does[index.min(last)].clone());
        (index, hook)
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
        self.size()
    }

    fn interval(&self) -> Duration {
        self.interval()
    }
}

impl Queue for Gatherer {
    type Item = u64;

    fn intake(&self) -> &Intake<u64> {
        &self.intake
    }

    async fn startup(&self, cx: &Context) -> Result {
        let hook = self.inner().startup.clone();
        hook.perform("startup", cx, &self.journal).await
    }

    async fn flush(&self, batch: &[u64], cx: &Context) -> Result {
        let (index, hook) = self.begin(batch);
        let result = hook.perform(FLUSH, cx, &self.journal).await;
        self.inner().flushes[index].done = result.is_ok();
        result
    }
}

/// Declares a [`Gatherer`] whose attribute has these options besides.
#[macro_export]
macro_rules! gatherer {
    ($name:ident, $($options:tt)*) => {
        #[derive(Clone)]
        #[lifecycle::service(queue(
            size = self.0.size(),
            interval = self.0.interval(),
            $($options)*
        ))]
        struct $name($crate::queue::Gatherer);

        impl lifecycle::Queue for $name {
            type Item = u64;

            fn intake(&self) -> &lifecycle::Intake<u64> {
                &self.0.intake
            }

            async fn startup(&self, cx: &lifecycle::Context) -> lifecycle::Result {
                lifecycle::Queue::startup(&self.0, cx).await
            }

            async fn flush(&self, batch: &[u64], cx: &lifecycle::Context) -> lifecycle::Result {
                lifecycle::Queue::flush(&self.0, batch, cx).await
            }
        }
    };
}
