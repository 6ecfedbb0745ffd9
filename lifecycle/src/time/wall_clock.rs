//! A wall clock for tests: it follows tokio's clock, paused or not, and can be set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::time::Instant;

/// A wall clock that a test sets, for [`Registry::wall_clock`](crate::Registry::wall_clock).
///
/// It goes with tokio's clock: on a paused one, where nothing takes any time, a month of nights is
/// over in a moment, and each tick comes when it is due to the second. Clones are the same clock.
/// Behind the features `cron` and `test-util`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use lifecycle::{Context, Result, Scheduled, registry, service, testing::WallClock};
///
/// #[service(scheduled(cron = "0 3 * * *"))]
/// struct Nightly;
///
/// impl Scheduled for Nightly {
///     async fn tick(&self, _: &Context) -> Result { Ok(()) }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let clock = WallClock::new(SystemTime::UNIX_EPOCH);
/// let running = registry! { "nightly" => Nightly }.wall_clock(clock).signals(false).start();
/// tokio::time::sleep(Duration::from_secs(30 * 86_400)).await;
/// let ticks = running.handle().states()[0].ticks.clone().unwrap();
/// assert_eq!(ticks.count, 30);
/// # });
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WallClock(Arc<Mutex<Set>>);

/// What it was set to, and when.
#[derive(Debug)]
struct Set {
    to: SystemTime,
    at: Instant,
}

impl WallClock {
    /// A clock that shows this now. Make it inside the test's runtime, whose clock it goes with.
    #[must_use]
    pub fn new(time: SystemTime) -> Self {
        let at = Instant::now();
        Self(Arc::new(Mutex::new(Set { to: time, at })))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let set = self.set();
        // At the end of what `SystemTime` can hold the clock stands still.
        set.to.checked_add(set.at.elapsed()).unwrap_or(set.to)
    }

    /// Sets it ahead or back, as an operator does, a time server, or a machine that has slept.
    pub fn set_to(&self, time: SystemTime) {
        *self.set() = Set {
            to: time,
            at: Instant::now(),
        };
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
