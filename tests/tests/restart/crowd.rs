//! A thousand services that fail in each of their runs, for an hour, in one registry.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lifecycle::{Context, Registry, Restart, Result, Scheduled, State, Worker, service};
use lifecycle_tests::{millis, paused, secs, start};
use tokio::time::{Instant, sleep};

const CROWD: usize = 1_000;

#[service(worker)]
struct Flaky(Arc<AtomicUsize>);

impl Worker for Flaky {
    async fn startup(&self, _: &Context) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn run(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        match stop.run_until_closed(sleep(millis(10))).await {
            Some(()) => Err("the target is away".into()),
            None => Ok(()),
        }
    }

    async fn drain(&self, _: &Context) -> Result {
        self.0.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

#[service(scheduled(interval = "1s"))]
struct Steady(Arc<AtomicUsize>, Instant);

impl Scheduled for Steady {
    async fn tick(&self, _: &Context) -> Result {
        let ticks = self.0.fetch_add(1, Ordering::Relaxed) as u64 + 1;
        assert_eq!(self.1.elapsed().as_secs(), ticks, "undisturbed");
        Ok(())
    }
}

/// The resident memory of this process.
#[cfg(target_os = "linux")]
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[cfg(not(target_os = "linux"))]
fn memory() -> usize {
    0
}

#[test]
fn a_crowd_that_fails_for_an_hour_is_out_of_step_keeps_memory_flat_and_disturbs_nobody() {
    paused(async {
        let (up, ticks) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let mut registry =
            Registry::builder().service("steady", Steady(ticks.clone(), Instant::now()));
        let policy = Restart::new().backoff(secs(1), secs(120)).forever();
        for index in 0..CROWD {
            registry = registry
                .service(format!("flaky-{index}"), Flaky(Arc::clone(&up)))
                .on_failure(policy);
        }
        let running = start(registry.build().unwrap());
        let handle = running.handle();
        sleep(secs(600)).await;
        let before = memory();
        let sample: HashSet<Duration> = handle
            .states()
            .iter()
            .filter_map(|status| status.next_start)
            .map(|at| at - Instant::now())
            .collect();
        assert!(
            sample.len() > CROWD * 9 / 10,
            "no two waits are in step: {}",
            sample.len()
        );
        sleep(secs(3_000)).await;
        let grown = memory().saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes");
        let ticked = ticks.load(Ordering::Relaxed);
        assert!((3_599..=3_600).contains(&ticked), "{ticked}");

        let begun = Instant::now();
        let outcome = running.stop().await;
        assert!(begun.elapsed() <= millis(10), "{:?}", begun.elapsed());
        assert_eq!(outcome.exit_code(), 0);
        assert_eq!(up.load(Ordering::Relaxed), 0, "each run was drained");
        assert_eq!(outcome.restarted().count(), CROWD);
        for status in outcome.restarted() {
            assert_eq!(status.state, State::Stopped);
            // Waits of one to two minutes for the most part.
            assert!((30..80).contains(&status.restarts), "{}", status.restarts);
        }
    });
}
