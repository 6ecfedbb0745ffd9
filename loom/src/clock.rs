//! A clock that the model sets, and timers that fire when it does: what the shared timers rely on of tokio's.
//!
//! As in tokio, the driver has a lock, under which timers are set and fire. A timer that is set to a time that the
//! driver has passed fires at once. Wakers are called after the lock is released. Whether a timer has fired is read
//! without the lock. Reading the clock orders nothing.

use std::future::Future;
use std::mem;
use std::ops::Add;
use std::pin::Pin;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard};

loom::lazy_static! {
    /// The clock of the model that runs.
    static ref CLOCK: Clock = Clock { now: AtomicU64::new(0), driver: Mutex::default() };
}

struct Clock {
    now: AtomicU64,
    driver: Mutex<Driver>,
}

#[derive(Default)]
struct Driver {
    /// The timers that were due by this time have fired.
    passed: u64,
    timers: Vec<DriverTimer>,
}

#[derive(Debug)]
struct DriverTimer {
    /// `None` when it is not set.
    at: Option<u64>,
    waker: Option<Waker>,
    has_fired: Arc<AtomicBool>,
}

impl Driver {
    fn fire(&mut self) -> Vec<Waker> {
        let passed = self.passed;
        let due = self.timers.iter_mut().filter_map(|timer| {
            timer.at.take_if(|at| *at <= passed)?;
            timer.has_fired.store(true, Release);
            timer.waker.take()
        });
        due.collect()
    }
}

fn driver() -> MutexGuard<'static, Driver> {
    CLOCK.driver.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the clock. Timers that are due fire.
pub(crate) fn advance(to: Instant) {
    CLOCK.now.store(to.0, Relaxed);
    let mut driver = driver();
    driver.passed = to.0;
    let woken = driver.fire();
    drop(driver);
    woken.into_iter().for_each(Waker::wake);
}

/// Nanoseconds since the model began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(pub(crate) u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(CLOCK.now.load(Relaxed))
    }

    pub(crate) fn saturating_duration_since(self, before: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(before.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0 + u64::try_from(after.as_nanos()).unwrap())
    }
}

/// A timer. The driver does not know it until it is set or polled.
#[derive(Debug)]
pub(crate) struct Sleep {
    at: Instant,
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    index: usize,
    has_fired: Arc<AtomicBool>,
}

pub(crate) fn sleep_until(at: Instant) -> Sleep {
    Sleep { at, known: None }
}

impl Sleep {
    pub(crate) fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
        let mut driver = driver();
        let known = self.known.get_or_insert_with(|| {
            let has_fired = Arc::new(AtomicBool::new(false));
            driver.timers.push(DriverTimer {
                at: None,
                waker: None,
                has_fired: has_fired.clone(),
            });
            let index = driver.timers.len() - 1;
            Known { index, has_fired }
        });
        known.has_fired.store(false, Relaxed);
        driver.timers[known.index].at = Some(at.0);
        let woken = driver.fire();
        drop(driver);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_elapsed(&self) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| known.has_fired.load(Relaxed))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if self.known.is_none() {
            let at = self.at;
            self.as_mut().reset(at);
        }
        let Some(known) = &self.known else {
            return Poll::Pending;
        };
        let waker = Some(task.waker().clone());
        let before = mem::replace(&mut driver().timers[known.index].waker, waker);
        drop(before);
        if known.has_fired.load(Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(known) = &self.known {
            let timer = &mut driver().timers[known.index];
            timer.at = None;
            let waker = timer.waker.take();
            drop(waker);
        }
    }
}
