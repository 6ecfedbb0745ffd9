//! Schedules over the runs of their service, and values that are read on demand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{reaches, restart, secs, start};
use crate::__private::{Declared, Plan, ScheduledService, ScheduledShape};
use crate::report::error::Result;
use crate::report::status::State;
use crate::shape::Scheduled;
use crate::shared::context::Context;

/// Ticks at an interval that changes.
#[derive(Clone)]
struct Collector {
    every: Arc<AtomicU64>,
    origin: Instant,
    ticks: Arc<Mutex<Vec<u64>>>,
    contexts: Arc<Mutex<Vec<Context>>>,
}

impl Collector {
    fn new(seconds: u64) -> Self {
        Self {
            every: Arc::new(AtomicU64::new(seconds)),
            origin: Instant::now(),
            ticks: Arc::default(),
            contexts: Arc::default(),
        }
    }

    fn ticks(&self) -> Vec<u64> {
        self.ticks.lock().unwrap().clone()
    }
}

impl Declared for Collector {
    type Shape = ScheduledShape;
}

impl ScheduledService for Collector {
    const PLAN: Plan = Plan::interval("every");

    fn period(&self) -> Duration {
        secs(self.every.load(Ordering::Relaxed))
    }
}

impl Scheduled for Collector {
    async fn startup(&self, cx: &Context) -> Result {
        self.contexts.lock().unwrap().push(cx.clone());
        Ok(())
    }

    async fn tick(&self, _: &Context) -> Result {
        self.ticks
            .lock()
            .unwrap()
            .push(self.origin.elapsed().as_secs());
        sleep(secs(2)).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_lasts_over_a_restart_of_the_service() {
    let collector = Collector::new(10);
    let running = start(collector.clone());
    let handle = running.handle();
    sleep(secs(15)).await;
    handle.pause("feed").unwrap();
    restart(&running, secs(5));
    reaches(&handle, State::Backoff).await;
    assert!(handle.states()[0].paused);
    running.await_healthy().await.unwrap();
    sleep(secs(100)).await;
    assert!(handle.states()[0].paused);
    assert_eq!(collector.ticks(), [10]);
    handle.trigger("feed").await.unwrap();
    assert_eq!(collector.ticks().len(), 2);
    handle.resume("feed").unwrap();
    sleep(secs(3)).await;
    assert_eq!(
        collector.ticks().len(),
        3,
        "the points since it is up again"
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_resumed_while_it_was_down_ticks_as_if_it_had_not_been_paused() {
    let collector = Collector::new(10);
    let running = start(collector.clone());
    let handle = running.handle();
    handle.pause("feed").unwrap();
    sleep(secs(15)).await;
    restart(&running, secs(5));
    reaches(&handle, State::Backoff).await;
    handle.resume("feed").unwrap();
    sleep(secs(16)).await;
    // It is up again at 20.
    assert_eq!(collector.ticks(), [30]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_context_of_an_earlier_run_knows_no_tick_of_the_next() {
    let collector = Collector::new(10);
    let running = start(collector.clone());
    sleep(secs(11)).await;
    let old = collector.contexts.lock().unwrap()[0].clone();
    assert_eq!(old.tick().unwrap().number, 1);
    restart(&running, secs(1));
    sleep(secs(13)).await;
    let new = collector.contexts.lock().unwrap()[1].clone();
    assert_eq!(new.tick().unwrap().number, 2);
    assert!(old.tick().is_none());
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn values_are_read_at_once_when_that_is_asked_for() {
    let collector = Collector::new(30);
    let running = start(collector.clone());
    sleep(secs(5)).await;
    collector.every.store(4, Ordering::Relaxed);
    sleep(secs(1)).await;
    running
        .application()
        .instance(0)
        .ticks()
        .unwrap()
        .read_again();
    sleep(secs(9)).await;
    assert_eq!(collector.ticks(), [10, 14]);
    // In the midst of a tick: it counts from that one.
    collector.every.store(7, Ordering::Relaxed);
    running
        .application()
        .instance(0)
        .ticks()
        .unwrap()
        .read_again();
    sleep(secs(8)).await;
    assert_eq!(collector.ticks(), [10, 14, 21]);
    // A value that can't be followed shows at once, and is no reason to tick.
    sleep(secs(2)).await;
    collector.every.store(0, Ordering::Relaxed);
    running
        .application()
        .instance(0)
        .ticks()
        .unwrap()
        .read_again();
    sleep(Duration::from_millis(1)).await;
    assert!(running.handle().states()[0].degraded.is_some());
    sleep(secs(4)).await;
    assert_eq!(collector.ticks(), [10, 14, 21, 28]);
    running.stop().await.into_result().unwrap();
}
