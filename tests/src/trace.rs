//! What a scheduled service is to do, and what it did at which millisecond.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::{Context, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::journal::{End, Entry, Journal};
use crate::script::{Hook, nothing, takes};
use crate::watch::{millis, secs};

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
    journal: Journal,
    begun: Arc<Notify>,
    told: Arc<Mutex<Vec<lifecycle::Tick>>>,
    knobs: Arc<Mutex<Knobs>>,
}

const STARTUP: &str = "startup";
const TICK: &str = "tick";
const LATE: &str = "tick after the stop";
const DRAIN: &str = "drain";

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
    pub does: Vec<Hook>,
    /// What `startup` does.
    pub startup: Hook,
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
            does: vec![nothing()],
            startup: nothing(),
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
    pub fn does(mut self, does: impl Into<Vec<Hook>>) -> Self {
        self.does = does.into();
        self
    }

    /// How many milliseconds the ticks take, one after the other, and from the beginning again.
    #[must_use]
    pub fn takes(self, durations: &[u64]) -> Self {
        self.does(durations.iter().copied().map(lasts).collect::<Vec<_>>())
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
        self.startup = lasts(milliseconds);
        self
    }

    /// A trace whose probes act so; its clock starts now.
    #[must_use]
    pub fn trace(self) -> Trace {
        Trace {
            journal: Journal::new(),
            begun: Arc::default(),
            told: Arc::default(),
            knobs: Arc::new(Mutex::new(self)),
        }
    }
}

/// Where there is nothing to wait for no timer is asked: it would give others a turn.
fn lasts(milliseconds: u64) -> Hook {
    match milliseconds {
        0 => nothing(),
        _ => takes(millis(milliseconds)),
    }
}

/// # Panics
///
/// Between two milliseconds: the paused clock only ever stops on whole ones.
fn whole(time: Duration) -> u64 {
    assert_eq!(time.subsec_nanos() % 1_000_000, 0, "{time:?}");
    u64::try_from(time.as_millis()).unwrap()
}

impl Trace {
    /// Milliseconds since the trace was made.
    ///
    /// # Panics
    ///
    /// Between two milliseconds: the paused clock only ever stops on whole ones.
    #[must_use]
    pub fn now(&self) -> u64 {
        whole(self.journal.now())
    }

    /// An instant of the runtime on the clock of the trace.
    #[must_use]
    pub fn since_origin(&self, instant: Instant) -> Duration {
        instant.duration_since(self.journal.origin)
    }

    /// Sleeps until so many milliseconds since the trace was made.
    pub async fn reach(&self, milliseconds: u64) {
        self.journal.reach(milliseconds).await;
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
    ///
    /// # Panics
    ///
    /// When one began or ended between two milliseconds.
    #[must_use]
    pub fn ticks(&self) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        for entry in self.journal.entries() {
            let at = whole(entry.at);
            match (entry.part(), entry.end) {
                (TICK | LATE, None) => ticks.push(Tick {
                    start: at,
                    end: None,
                }),
                (TICK | LATE, Some(End::Done | End::Failed)) => {
                    ticks.last_mut().unwrap().end = Some(at);
                }
                _ => {}
            }
        }
        ticks
    }

    /// When the ticks began.
    #[must_use]
    pub fn starts(&self) -> Vec<u64> {
        self.ticks().iter().map(|tick| tick.start).collect()
    }

    /// When `drain` was called, each time.
    #[must_use]
    pub fn drains(&self) -> Vec<u64> {
        let entries = self.journal.entries();
        let begun = entries.iter().filter(|entry| entry.end.is_none());
        let drains = begun.filter(|entry| entry.part() == DRAIN);
        drains.map(|entry| whole(entry.at)).collect()
    }

    /// What must never happen and did: a tick beside another, after the stop or after the drain, a drain beside a tick.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let (mut in_flight, mut drained) = (false, false);
        let is_wrong = |entry: &Entry| match (entry.part(), entry.end) {
            (TICK, None) => std::mem::replace(&mut in_flight, true) || drained,
            (TICK, Some(_)) => {
                in_flight = false;
                false
            }
            (DRAIN, None) => {
                drained = true;
                in_flight
            }
            (part, _) => part == LATE,
        };
        let mut entries = self.journal.entries();
        entries.retain(is_wrong);
        let told = |fault: &Entry| format!("{fault} at {:?}", fault.at);
        entries.iter().map(told).collect()
    }

    /// Changes what the probe answers from now on.
    pub fn turn(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.knobs());
    }

    /// What each tick was told that it is for.
    pub fn told(&self) -> MutexGuard<'_, Vec<lifecycle::Tick>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn startup(&self, cx: &Context) -> Result {
        let hook = self.knobs().startup.clone();
        hook.perform(STARTUP, cx, &self.journal).await
    }

    pub(crate) async fn tick(&self, cx: &Context) -> Result {
        let is_late = cx.stop_channel().is_closed();
        let hook = {
            let does = &mut self.knobs().does;
            does.rotate_left(1);
            does[does.len() - 1].clone()
        };
        self.told().push(cx.tick().unwrap());
        self.begun.notify_one();
        let part = if is_late { LATE } else { TICK };
        hook.perform(part, cx, &self.journal).await
    }

    pub(crate) async fn drain(&self, cx: &Context) -> Result {
        nothing().perform(DRAIN, cx, &self.journal).await
    }
}
