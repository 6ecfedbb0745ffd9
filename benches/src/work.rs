//! What the services do: the same few lines under every contender, so that what differs is the contender.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::order::Order;

/// The interval of the services that tick.
pub const PERIOD: Duration = Duration::from_millis(10);

/// How long a drain takes where there is one.
pub const DRAIN: Duration = Duration::from_millis(10);

/// One in so many services that tick looks at the clock, which costs more than counting.
const WATCHED: usize = 16;

/// What every service of an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: others would call it.
    Idle,
    /// Nothing, but it has something to do when it starts and when it stops.
    Hooks,
    /// It counts, every [`PERIOD`].
    Tick,
    /// Nothing, and when asked to stop it takes [`DRAIN`] for it.
    Drain,
}

/// An application to be run: so many services of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// What each does.
    pub kind: Kind,
    /// What each is called; names in a program text are as static as these.
    pub names: &'static [&'static str],
    /// What each depends on, as indexes; empty where nobody depends on anybody.
    pub after: &'static [Vec<usize>],
    /// What each counts with.
    pub meters: &'static [Meter],
    /// Where each says that its own code has begun, under contenders that could not tell otherwise.
    pub begun: &'static Begun,
}

impl Work {
    /// Everything the services need, made before the clock runs.
    #[must_use]
    pub fn new(kind: Kind, services: usize) -> Self {
        let name = |index| &*format!("service-{index}").leak();
        let counts = if kind == Kind::Tick { services } else { 0 };
        Self {
            kind,
            names: (0..services).map(name).collect::<Vec<_>>().leak(),
            after: &[],
            meters: (0..counts).map(Meter::new).collect::<Vec<_>>().leak(),
            begun: Box::leak(Box::new(Begun::new(services))),
        }
    }

    /// The same, where services depend on each other.
    #[must_use]
    pub fn in_order(mut self, order: Order) -> Self {
        self.after = order.dependencies(self.names.len()).leak();
        self
    }

    /// The first so many of the services.
    #[must_use]
    pub fn first(self, services: usize) -> Self {
        Self {
            names: &self.names[..services],
            after: &self.after[..services.min(self.after.len())],
            meters: &self.meters[..services.min(self.meters.len())],
            begun: Box::leak(Box::new(Begun::new(services))),
            ..self
        }
    }

    /// How many ticks there were.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.meters.iter().map(Meter::ticks).sum()
    }

    /// How far the watched services are behind their own grid, on average: the time from the first tick
    /// to the last, less the intervals that so many ticks should take.
    #[must_use]
    pub fn drift(&self) -> Duration {
        let drifts: Vec<Duration> = self.meters.iter().filter_map(Meter::drift).collect();
        let count = u32::try_from(drifts.len()).unwrap_or(u32::MAX).max(1);
        drifts.iter().sum::<Duration>() / count
    }
}

/// The loop of a service that ticks, for those who leave it to whoever writes the service: a tick each
/// [`PERIOD`] until `stopped` resolves.
pub async fn tick_until<T>(stopped: impl Future<Output = T>, meter: &Meter) {
    let mut interval = interval_at(Instant::now() + PERIOD, PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // Made once: a stop that is looked for anew with each tick costs more.
    let mut stopped = pin!(stopped);
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            _ = interval.tick() => meter.tick(),
        }
    }
}

/// Counts the ticks of one service.
#[derive(Debug)]
// Alone on its cache lines, as the state of a real service would be.
#[repr(align(128))]
pub struct Meter {
    ticks: AtomicU64,
    /// The first tick and the last, of a service that is watched.
    span: Option<Mutex<Option<(Instant, Instant)>>>,
}

impl Meter {
    fn new(service: usize) -> Self {
        Self {
            ticks: AtomicU64::new(0),
            span: service.is_multiple_of(WATCHED).then(Mutex::default),
        }
    }

    /// What a service does every [`PERIOD`].
    pub fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        if let Some(span) = &self.span {
            let now = Instant::now();
            let mut span = span.lock().unwrap_or_else(PoisonError::into_inner);
            span.get_or_insert((now, now)).1 = now;
        }
    }

    /// How often it has.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    fn drift(&self) -> Option<Duration> {
        let span = self.span.as_ref()?;
        let (first, last) = (*span.lock().unwrap_or_else(PoisonError::into_inner))?;
        let intervals = u32::try_from(self.ticks().checked_sub(1)?).ok()?;
        Some((last - first).saturating_sub(PERIOD * intervals))
    }
}

/// Tells when the code of every service has begun.
#[derive(Debug)]
pub struct Begun {
    missing: AtomicUsize,
    all: Notify,
}

impl Begun {
    fn new(services: usize) -> Self {
        Self {
            missing: AtomicUsize::new(services),
            all: Notify::new(),
        }
    }

    /// One more has.
    pub fn tell(&self) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all.notify_one();
        }
    }

    /// One has come to its end.
    pub fn take_back(&self) {
        self.missing.fetch_add(1, Ordering::AcqRel);
    }

    /// Resolves when all have. Only one may wait.
    pub async fn all(&self) {
        if self.missing.load(Ordering::Acquire) > 0 {
            self.all.notified().await;
        }
    }
}
