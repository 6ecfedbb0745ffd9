//! `drift`: how well a thousand scheduled services keep a grid of ten milliseconds for ten seconds, beside a thousand
//! bare loops over `tokio::time::interval` in the same runtime at the same time.
//!
//! `cargo run --release --bin drift [SECONDS]`. A point of the grid is missed when no tick began before the next one.
//! Drift is how much later the ticks of the last second are than those of the first.
#![allow(clippy::print_stdout, reason = "it reports to the terminal")]

use std::{
    collections::HashSet,
    env,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lifecycle::{Context, Registry, Result, Scheduled, service};
use tokio::{
    task::JoinSet,
    time::{Instant, interval_at, sleep},
};

const COUNT: usize = 1000;
const INTERVAL: Duration = Duration::from_millis(10);
const SECOND: Duration = Duration::from_secs(1);

/// The ticks of one grid: which point each is for, and how late it began.
#[derive(Default)]
struct Grid(Mutex<Notes>);

#[derive(Default)]
struct Notes {
    origin: Option<Instant>,
    ticks: Vec<(u32, Duration)>,
}

impl Grid {
    fn begin(&self, origin: Instant) {
        self.with(|notes| notes.origin = Some(origin));
    }

    fn tick(&self) {
        let now = Instant::now();
        self.with(|notes| {
            let since = now.duration_since(notes.origin.unwrap_or(now));
            let point = u32::try_from(since.as_nanos() / INTERVAL.as_nanos()).unwrap_or(u32::MAX);
            notes
                .ticks
                .push((point, since.saturating_sub(INTERVAL * point)));
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[service(scheduled(interval = INTERVAL))]
struct Ticker(Arc<Grid>);

impl Scheduled for Ticker {
    async fn startup(&self, _: &Context) -> Result {
        self.0.begin(Instant::now());
        Ok(())
    }

    async fn tick(&self, _: &Context) -> Result {
        self.0.tick();
        Ok(())
    }
}

async fn bare_loop(grid: Arc<Grid>) {
    let origin = Instant::now();
    grid.begin(origin);
    let mut interval = interval_at(origin + INTERVAL, INTERVAL);
    loop {
        interval.tick().await;
        grid.tick();
    }
}

/// Those of many grids, counted up to the same point.
#[derive(Default)]
struct Summary {
    late: Vec<Duration>,
    missed: usize,
    in_first_second: Vec<Duration>,
    in_last_second: Vec<Duration>,
}

impl Summary {
    fn of(grids: &[Arc<Grid>], time: Duration) -> Self {
        let points = u32::try_from(time.as_nanos() / INTERVAL.as_nanos()).unwrap_or(u32::MAX);
        let mut summary = Self::default();
        for grid in grids {
            let mut ticks = grid.with(|notes| std::mem::take(&mut notes.ticks));
            ticks.retain(|(point, _)| (1..=points).contains(point));
            let seen: HashSet<_> = ticks.iter().map(|(point, _)| point).collect();
            summary.missed += points as usize - seen.len();
            for (point, late) in ticks {
                summary.note(INTERVAL * point, late, time);
            }
        }
        summary.late.sort_unstable();
        summary
    }

    fn note(&mut self, at: Duration, late: Duration, time: Duration) {
        self.late.push(late);
        if at <= SECOND {
            self.in_first_second.push(late);
        }
        if at + SECOND > time {
            self.in_last_second.push(late);
        }
    }

    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.late.len() * percent / 100).min(self.late.len().saturating_sub(1));
        millis(self.late.get(rank).copied().unwrap_or_default())
    }

    fn print(&self, what: &str) {
        let (ticks, missed) = (self.late.len(), self.missed);
        let [median, most, all] = [50, 99, 100].map(|percent| self.percentile(percent));
        let drift = millis(mean(&self.in_last_second)) - millis(mean(&self.in_first_second));
        println!(
            "{what:24} {ticks:>9} {missed:>7} {median:>8.3} {most:>8.3} {all:>8.3} {drift:>+8.3}"
        );
    }
}

fn mean(late: &[Duration]) -> Duration {
    let count = u32::try_from(late.len()).unwrap_or(u32::MAX);
    late.iter().sum::<Duration>() / count.max(1)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn grids() -> Vec<Arc<Grid>> {
    (0..COUNT).map(|_| Arc::default()).collect()
}

#[tokio::main]
async fn main() -> Result {
    let seconds = env::args()
        .nth(1)
        .map_or(Ok(10), |seconds| seconds.parse())?;
    let time = Duration::from_secs(seconds);
    let services = grids();
    let loops = grids();

    let mut builder = Registry::builder();
    for (number, grid) in services.iter().enumerate() {
        builder = builder.service(format!("ticker-{number}"), Ticker(grid.clone()));
    }
    let running = builder.build()?.start();
    let mut tasks: JoinSet<()> = loops.iter().cloned().map(bare_loop).collect();
    running.await_healthy().await?;
    // What began last has its last point too.
    sleep(time + SECOND / 10).await;
    running.stop().await.into_result()?;
    tasks.shutdown().await;

    println!("{COUNT} of each, every {INTERVAL:?} for {time:?}; late in milliseconds");
    println!(
        "{:24} {:>9} {:>7} {:>8} {:>8} {:>8} {:>8}",
        "", "ticks", "missed", "median", "99 %", "most", "drift"
    );
    Summary::of(&services, time).print("scheduled services");
    Summary::of(&loops, time).print("tokio::time::interval");
    Ok(())
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod ticker {
        use super::*;

        conformance!(Ticker(Arc::default()));
    }
}
