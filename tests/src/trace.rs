//! What a scheduled service is to do, and what it did at which millisecond.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::Result;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::watch::{millis, secs};

/// What one tick does.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Takes so many milliseconds.
    Take(u64),
    /// Takes so many milliseconds, and fails.
    Fail(u64, &'static str),
    /// Never ends.
    Hang,
    /// Panics at once.
    Panic(&'static str),
}

/// A tick that was begun. Instants are milliseconds since the trace was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When it began.
    pub start: u64,
    /// When it returned; none if it is in flight, or was dropped.
    pub end: Option<u64>,
}

/// What a [probe](crate::schedule::Probe) did, and what it is to do next. Clones share it.
#[derive(Clone, Debug)]
pub struct Trace {
    origin: Instant,
    begun: Arc<Notify>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    knobs: Knobs,
    ticks: Vec<Tick>,
    in_flight: bool,
    drains: Vec<u64>,
    faults: Vec<String>,
}

/// What a probe answers when the runtime asks for its durations, and what its ticks do.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// The interval or the delay.
    pub every: Duration,
    /// `initial_delay`
    pub initial_delay: Option<Duration>,
    /// `jitter`
    pub jitter: Duration,
    /// `tick_timeout`
    pub tick_timeout: Option<Duration>,
    /// One after the other, from the beginning again after the last.
    pub does: Vec<Does>,
    /// How long `startup` takes.
    pub startup: Duration,
    /// `cron`
    pub cron: String,
    /// `tz`
    pub tz: String,
}

impl Knobs {
    /// An interval or a delay of so many milliseconds, and ticks that take no time.
    #[must_use]
    pub fn every(milliseconds: u64) -> Self {
        Self {
            every: millis(milliseconds),
            initial_delay: None,
            jitter: Duration::ZERO,
            tick_timeout: None,
            does: vec![Does::Take(0)],
            startup: Duration::ZERO,
            cron: String::new(),
            tz: "UTC".to_owned(),
        }
    }

    /// A cron expression, and ticks that take no time.
    #[must_use]
    pub fn cron(expression: &str) -> Self {
        let mut knobs = Self::every(0);
        expression.clone_into(&mut knobs.cron);
        knobs
    }

    /// `tz`
    #[must_use]
    pub fn tz(mut self, zone: &str) -> Self {
        zone.clone_into(&mut self.tz);
        self
    }

    /// What the ticks do, one after the other, and from the beginning again.
    #[must_use]
    pub fn does(mut self, does: &[Does]) -> Self {
        self.does = does.to_vec();
        self
    }

    /// How many milliseconds the ticks take, one after the other, and from the beginning again.
    #[must_use]
    pub fn takes(mut self, durations: &[u64]) -> Self {
        self.does = durations.iter().copied().map(Does::Take).collect();
        self
    }

    /// `jitter`, in milliseconds.
    #[must_use]
    pub fn jitter(mut self, milliseconds: u64) -> Self {
        self.jitter = millis(milliseconds);
        self
    }

    /// `initial_delay`, in milliseconds.
    #[must_use]
    pub fn initial_delay(mut self, milliseconds: u64) -> Self {
        self.initial_delay = Some(millis(milliseconds));
        self
    }

    /// `tick_timeout`, in milliseconds.
    #[must_use]
    pub fn tick_timeout(mut self, milliseconds: u64) -> Self {
        self.tick_timeout = Some(millis(milliseconds));
        self
    }

    /// How long `startup` takes, in milliseconds.
    #[must_use]
    pub fn startup(mut self, milliseconds: u64) -> Self {
        self.startup = millis(milliseconds);
        self
    }

    /// A trace whose probes act so; its clock starts now.
    #[must_use]
    pub fn trace(self) -> Trace {
        Trace {
            origin: Instant::now(),
            begun: Arc::default(),
            inner: Arc::new(Mutex::new(Inner {
                knobs: self,
                ticks: Vec::new(),
                in_flight: false,
                drains: Vec::new(),
                faults: Vec::new(),
            })),
        }
    }
}

impl Trace {
    /// Milliseconds since the trace was made.
    ///
    /// # Panics
    ///
    /// Between two milliseconds: the paused clock only ever stops on whole ones.
    #[must_use]
    pub fn now(&self) -> u64 {
        let elapsed = self.origin.elapsed();
        assert_eq!(elapsed.subsec_nanos() % 1_000_000, 0, "{elapsed:?}");
        u64::try_from(elapsed.as_millis()).unwrap()
    }

    /// An instant of the runtime on the clock of the trace.
    #[must_use]
    pub fn since_origin(&self, instant: Instant) -> Duration {
        instant.duration_since(self.origin)
    }

    /// Sleeps until so many milliseconds since the trace was made.
    pub async fn reach(&self, milliseconds: u64) {
        tokio::time::sleep_until(self.origin + millis(milliseconds)).await;
    }

    /// Sleeps until so many ticks have begun.
    ///
    /// # Panics
    ///
    /// When that takes more than a day.
    pub async fn reach_ticks(&self, count: usize) {
        let wait = async {
            while self.ticks().len() < count {
                self.begun.notified().await;
            }
        };
        timeout(secs(86_400), wait).await.unwrap();
    }

    /// Every tick that was begun, in order.
    #[must_use]
    pub fn ticks(&self) -> Vec<Tick> {
        self.inner().ticks.clone()
    }

    /// When the ticks began.
    #[must_use]
    pub fn starts(&self) -> Vec<u64> {
        self.inner().ticks.iter().map(|tick| tick.start).collect()
    }

    /// When `drain` was called, each time.
    #[must_use]
    pub fn drains(&self) -> Vec<u64> {
        self.inner().drains.clone()
    }

    /// What must never happen and did: ticks beside each other, a tick after the stop.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.inner().faults.clone()
    }

    /// Changes what the probe answers from now on.
    pub fn turn(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.inner().knobs);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn knobs(&self) -> Knobs {
        self.inner().knobs.clone()
    }

    pub(crate) async fn startup(&self) -> Result {
        sleep(self.knobs().startup).await;
        Ok(())
    }

    /// One tick, begun with the stop channel open or closed.
    pub(crate) async fn tick(&self, stopped: bool) -> Result {
        let (in_flight, does) = self.begin(stopped);
        match does {
            Does::Hang => pending().await,
            Does::Panic(message) => panic!("{message}"),
            // Nothing to wait for: the timer would give others a turn.
            Does::Take(0) | Does::Fail(0, _) => {}
            Does::Take(time) | Does::Fail(time, _) => sleep(millis(time)).await,
        }
        in_flight.end();
        match does {
            Does::Fail(_, message) => Err(message.into()),
            _ => Ok(()),
        }
    }

    fn begin(&self, stopped: bool) -> (InFlight, Does) {
        let start = self.now();
        let mut inner = self.inner();
        let index = inner.ticks.len();
        // On a paused clock a loop that never waits would go on for ever.
        assert!(index < 100_000, "the ticks do not end");
        let wrong = [
            (stopped, "after the stop"),
            (!inner.drains.is_empty(), "after the drain"),
            (inner.in_flight, "beside another"),
        ];
        for (_, when) in wrong.iter().filter(|(is, _)| *is) {
            let fault = format!("tick {index} at {start} begins {when}");
            inner.faults.push(fault);
        }
        inner.in_flight = true;
        inner.ticks.push(Tick { start, end: None });
        self.begun.notify_one();
        let does = inner.knobs.does[index % inner.knobs.does.len()];
        let trace = self.clone();
        (InFlight { trace, index }, does)
    }

    pub(crate) fn drained(&self) {
        let now = self.now();
        let mut inner = self.inner();
        if inner.in_flight {
            inner.faults.push(format!("drain at {now} beside a tick"));
        }
        inner.drains.push(now);
    }
}

/// A tick under way. Dropped before its end, it has none.
struct InFlight {
    trace: Trace,
    index: usize,
}

impl InFlight {
    fn end(self) {
        let now = self.trace.now();
        self.trace.inner().ticks[self.index].end = Some(now);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.trace.inner().in_flight = false;
    }
}

/// Runs the test on a clock of its own, which stands still while there is something to do.
///
/// # Panics
///
/// When the test does, or waits for more than a year.
pub fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(async { timeout(secs(365 * 86_400), test).await.unwrap() })
}
