//! What wakes a loop: nobody has to know that it shares its timer.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context as Task, Poll, Wake, Waker};
use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, Service, async_trait, registry, service};
use lifecycle_tests::{millis, paused, start};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep};

#[derive(Clone)]
#[service(scheduled(interval = "every"))]
struct Counter {
    every: Duration,
    drains: Duration,
    ticks: Arc<AtomicU64>,
}

impl Counter {
    fn every(every: Duration) -> Self {
        Self {
            every,
            drains: Duration::ZERO,
            ticks: Arc::default(),
        }
    }

    fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::SeqCst)
    }
}

impl Scheduled for Counter {
    async fn tick(&self, _: &Context) -> Result {
        self.ticks.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        sleep(self.drains).await;
        Ok(())
    }
}

/// It is first polled where nobody can be woken.
struct Moved(Counter);

#[async_trait]
impl Service for Moved {
    async fn start(&self, cx: &Context) -> Result {
        let mut start = self.0.start(cx);
        let _ = start.as_mut().poll(&mut Task::from_waker(Waker::noop()));
        start.await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

/// Sets the clock ahead and lets those run who were woken, each once.
async fn pass(time: Duration) {
    advance(time).await;
    yield_now().await;
}

#[test]
fn nothing_but_the_clock_stands_between_a_loop_and_its_tick() {
    paused(async {
        let counters: Vec<_> = [100, 100, 50, 200]
            .map(|every| Counter::every(millis(every)))
            .into();
        let running = start(registry! {
            "a" => counters[0].clone(),
            "b" => counters[1].clone(),
            "c" => counters[2].clone(),
            "d" => counters[3].clone(),
        });
        running.await_healthy().await.unwrap();
        for turn in 1..=10 {
            pass(millis(50)).await;
            let ticks: Vec<_> = counters.iter().map(Counter::ticks).collect();
            assert_eq!(ticks, [turn / 2, turn / 2, turn, turn / 4]);
        }
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_loop_that_is_polled_by_another_task_ticks_and_stops_there() {
    paused(async {
        let counter = Counter::every(millis(100));
        let running = start(registry! { "moved" => Moved(counter.clone()) });
        running.await_healthy().await.unwrap();
        pass(millis(100)).await;
        assert_eq!(counter.ticks(), 1);
        running.handle().trigger("moved").await.unwrap();
        assert_eq!(counter.ticks(), 2);
        running.stop().await.into_result().unwrap();
    });
}

/// Looks at its own waker before it polls, as a set of futures does.
struct Picky(Counter);

/// Woken since the last look, on behalf of this task.
struct Asked {
    woken: AtomicBool,
    task: Waker,
}

impl Wake for Asked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

#[async_trait]
impl Service for Picky {
    async fn start(&self, cx: &Context) -> Result {
        let mut start = self.0.start(cx);
        let mut asked = None;
        poll_fn(|task| {
            let asked = asked.get_or_insert_with(|| {
                Arc::new(Asked {
                    woken: true.into(),
                    task: task.waker().clone(),
                })
            });
            if asked.woken.swap(false, Ordering::SeqCst) {
                let waker = asked.clone().into();
                start.as_mut().poll(&mut Task::from_waker(&waker))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

#[test]
fn a_loop_is_woken_where_it_is_polled_and_not_only_its_task() {
    paused(async {
        let counter = Counter::every(millis(100));
        let running = start(registry! { "picky" => Picky(counter.clone()) });
        running.await_healthy().await.unwrap();
        pass(millis(100)).await;
        assert_eq!(counter.ticks(), 1);
        running.handle().trigger("picky").await.unwrap();
        assert_eq!(counter.ticks(), 2);
        let asked = Instant::now();
        running.stop().await.into_result().unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO);
    });
}

#[service(scheduled(interval = "1ms", missed = burst))]
struct Behind(Counter);

impl Scheduled for Behind {
    async fn tick(&self, cx: &Context) -> Result {
        self.0.tick(cx).await
    }
}

#[test]
fn a_loop_that_has_much_to_catch_up_with_lets_others_have_their_turn() {
    paused(async {
        let counter = Counter::every(millis(1));
        let running = start(registry! { "behind" => Behind(counter.clone()) });
        running.await_healthy().await.unwrap();
        advance(millis(1_000_000)).await;
        while counter.ticks() == 0 {
            yield_now().await;
        }
        running.stop().await.into_result().unwrap();
        let ticks = counter.ticks();
        assert!(ticks < 10_000, "{ticks} at once");
    });
}

#[test]
fn those_who_share_a_timer_tick_on_when_one_of_them_stops() {
    paused(async {
        let mut counters: Vec<_> = (0..3).map(|_| Counter::every(millis(100))).collect();
        counters[2].drains = millis(1_000);
        let running = start(registry! {
            "a" => counters[0].clone(),
            "b" => counters[1].clone(), after = ["a"],
            "c" => counters[2].clone(), after = ["b"],
        });
        running.await_healthy().await.unwrap();
        sleep(millis(250)).await;
        let stopping = tokio::spawn(running.stop());
        // While `c` drains, `a` and `b` have not been asked to stop.
        sleep(millis(100)).await;
        let ticks: Vec<_> = counters.iter().map(Counter::ticks).collect();
        assert_eq!(ticks, [3, 3, 2]);
        sleep(millis(950)).await;
        stopping.await.unwrap().into_result().unwrap();
    });
}
