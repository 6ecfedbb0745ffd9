//! Jobs that note which points they are run for, on a wall clock that goes with the paused one.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lifecycle::testing::{InMemoryStore, WallClock};
use lifecycle::{
    Context, EventKind, Registry, Result, Running, Scheduled, ServiceStatus, registry, service,
};
use tokio::time::sleep;

pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);

/// A tick: how many minutes after [`start`] its point is, which attempt it was, and how many others it stood for.
pub type Ran = (u64, u32, u64);

/// What a job does in its next tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Act {
    #[default]
    Succeed,
    Fail,
    Panic,
    /// It goes on until it is dropped.
    Hang,
}

/// What the ticks of a job write to, and read.
#[derive(Clone, Debug)]
pub struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug)]
struct Noted {
    ran: Vec<Ran>,
    keys: Vec<String>,
    triggered: usize,
    act: Act,
    every: Duration,
}

impl Notes {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Noted {
            ran: Vec::new(),
            keys: Vec::new(),
            triggered: 0,
            act: Act::Succeed,
            every: HOUR,
        })))
    }

    pub fn ran(&self) -> Vec<Ran> {
        self.0.lock().unwrap().ran.clone()
    }

    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys.clone()
    }

    pub fn triggered(&self) -> usize {
        self.0.lock().unwrap().triggered
    }

    pub fn act(&self, act: Act) {
        self.0.lock().unwrap().act = act;
    }

    pub fn every(&self, period: Duration) {
        self.0.lock().unwrap().every = period;
    }

    fn period(&self) -> Duration {
        self.0.lock().unwrap().every
    }

    async fn tick(&self, cx: &Context) -> Result {
        let tick = cx.tick().unwrap();
        let act = {
            let mut noted = self.0.lock().unwrap();
            match tick.point {
                None => noted.triggered += 1,
                Some(point) => {
                    assert_eq!(Some(point.at), tick.due_time);
                    let since = point.at.duration_since(start()).unwrap();
                    noted
                        .ran
                        .push((since.as_secs() / 60, point.attempt, tick.missed));
                    noted.keys.push(tick.key());
                }
            }
            noted.act
        };
        match act {
            Act::Succeed => Ok(()),
            Act::Fail => Err("no".into()),
            Act::Panic => panic!("oh"),
            Act::Hang => std::future::pending().await,
        }
    }
}

/// Midnight.
pub fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + 20_000 * 24 * HOUR
}

macro_rules! jobs {
    ($($(#[$attribute:meta])* $name:ident)+) => {$(
        $(#[$attribute])*
        pub struct $name(pub Notes);

        impl Scheduled for $name {
            async fn tick(&self, cx: &Context) -> Result {
                self.0.tick(cx).await
            }
        }
    )+};
}

jobs! {
    #[service(scheduled(interval = self.0.period(), catch_up = "12h"))]
    Hourly
    #[service(scheduled(interval = "1h", catch_up = "12h", missed = burst))]
    HourlyBurst
    #[service(scheduled(delay = "1h", catch_up = "12h"))]
    Delayed
    #[service(scheduled(cron = "0 * * * *", catch_up = "12h"))]
    OnTheHour
    #[service(scheduled(cron = "0 * * * *", catch_up = "12h", missed = burst))]
    OnTheHourBurst
    #[service(scheduled(interval = "1h", catch_up = "90m"))]
    Short
    #[service(scheduled(interval = "1h", catch_up = "12h", jitter = "10m"))]
    Jittered
}

/// What a test has: a store, a clock, and what the jobs have noted.
pub struct World {
    pub store: InMemoryStore,
    pub clock: WallClock,
    pub notes: Notes,
    pub skipped: Arc<Mutex<Vec<(u64, String)>>>,
}

impl World {
    pub fn new() -> Self {
        Self {
            store: InMemoryStore::new(),
            clock: WallClock::new(start()),
            notes: Notes::new(),
            skipped: Arc::default(),
        }
    }

    /// Lets the clock reach so many minutes after [`start`].
    pub async fn reach(&self, minutes: u64) {
        let at = start() + u32::try_from(minutes).unwrap() * MINUTE;
        sleep(at.duration_since(self.clock.now()).unwrap()).await;
        settle().await;
    }

    pub fn start(&self, registry: Registry) -> Running {
        let skipped = self.skipped.clone();
        registry
            .wall_clock(self.clock.clone())
            .signals(false)
            .on_event(move |event| {
                if let EventKind::PointsSkipped { count, why, .. } = &event.kind {
                    skipped.lock().unwrap().push((*count, why.to_string()));
                }
            })
            .start()
    }

    pub fn hourly(&self) -> Running {
        let memory = self.store.clone();
        self.start(registry! { memory = memory, "job" => Hourly(self.notes.clone()) })
    }

    pub fn skipped(&self) -> Vec<(u64, String)> {
        self.skipped.lock().unwrap().clone()
    }
}

/// Lets all tasks run that can.
pub async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

pub async fn stop(running: Running) {
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

pub fn status(running: &Running) -> ServiceStatus {
    running.handle().states().remove(0)
}
