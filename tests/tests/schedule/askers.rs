//! Many who ask for ticks, on real threads, and a stop in between: never two ticks at once, and everybody gets an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lifecycle::__private::{Declared, Plan, ScheduleKind, ScheduledService, ScheduledShape};
use lifecycle::{Context, Handle, Result, Scheduled, TriggerError, registry};
use lifecycle_tests::{secs, start, threads};
use tokio::task::yield_now;
use tokio::time::timeout;

/// Ticks when it is asked to, and never by itself.
#[derive(Debug, Default)]
struct OnDemand {
    in_flight: AtomicBool,
    begun: AtomicU64,
    ended: AtomicU64,
    drained: AtomicU64,
}

impl Declared for OnDemand {
    type Shape = ScheduledShape;
}

impl ScheduledService for OnDemand {
    const PLAN: Plan = Plan::new(ScheduleKind::Interval, "never");

    fn period(&self) -> Duration {
        Duration::MAX
    }
}

impl Scheduled for OnDemand {
    async fn tick(&self, _: &Context) -> Result {
        assert!(!self.in_flight.swap(true, Ordering::SeqCst), "two at once");
        assert_eq!(self.drained.load(Ordering::SeqCst), 0, "after the drain");
        let number = self.begun.fetch_add(1, Ordering::SeqCst);
        for _ in 0..number % 3 {
            yield_now().await;
        }
        self.in_flight.store(false, Ordering::SeqCst);
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        assert!(!self.in_flight.load(Ordering::SeqCst), "beside a tick");
        self.drained.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Asks until the service has stopped; how many ticks were promised and came.
async fn keep_asking(handle: Handle, service: Arc<OnDemand>) -> u64 {
    let mut answered = 0;
    loop {
        let begun = service.begun.load(Ordering::SeqCst);
        match handle.trigger("demand").await {
            Ok(()) => {
                let ended = service.ended.load(Ordering::SeqCst);
                assert!(ended > begun, "a tick that began after it was asked for");
                answered += 1;
            }
            Err(TriggerError::Stopped) => return answered,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn one_run(seed: u64) -> u64 {
    let mut rng = fastrand::Rng::with_seed(seed);
    let service = Arc::new(OnDemand::default());
    let running = start(registry! { "demand" => service.clone() });
    let askers: Vec<_> = (0..8)
        .map(|_| tokio::spawn(keep_asking(running.handle(), service.clone())))
        .collect();
    if rng.bool() {
        running.await_healthy().await.unwrap();
    }
    for _ in 0..rng.u32(0..100) {
        yield_now().await;
    }
    let was_up = running.handle().is_healthy();
    running.stop().await.into_result().unwrap();
    let ticks = service.begun.load(Ordering::SeqCst);
    let mut answered = 0;
    for asker in askers {
        let asked = timeout(secs(5), asker).await;
        answered += asked.expect("everybody gets an answer").unwrap();
    }
    assert_eq!(service.begun.load(Ordering::SeqCst), ticks, "none after");
    if was_up {
        assert_eq!(service.drained.load(Ordering::SeqCst), 1);
    }
    answered
}

#[test]
fn everybody_who_asks_gets_a_tick_or_is_told_that_it_stopped() {
    let runtime = threads(4);
    let mut answered = 0;
    for seed in 0..1000 {
        answered += runtime.block_on(async move { tokio::spawn(one_run(seed)).await.unwrap() });
    }
    assert!(answered > 1000, "{answered}");
}
