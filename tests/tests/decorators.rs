//! Services around services.
//!
//! The kind: what the library knew of a service by asking the outermost type (its shape, hence its ticks, its counts, that it
//! may return) was lost behind a decorator that forwards `start` and `stop` alone, or claimed by a type that has no such thing.
//! It has to come from the code that runs: for every shape, in a decorator that is generic, that holds an `Arc<dyn Service>`,
//! that is one of two, that has code of its own before and after; and never from a hand-written service's own word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{
    Context, Handle, Idle, Intake, OnFailure, Oneshot, Queue, Registry, Result, Scheduled, Service,
    ServiceStatus, Shape, State, TriggerError, Worker, async_trait, registry, service,
};
use lifecycle_tests::{Moves, Plain, millis, paused, secs, start, state_of};
use tokio::time::{Instant, sleep, timeout};

#[derive(Clone, Default)]
struct Counts {
    ticks: Arc<AtomicU32>,
    drains: Arc<AtomicU32>,
}

impl Counts {
    fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::SeqCst);
    }

    fn all(&self) -> (u32, u32) {
        let of = |count: &AtomicU32| count.load(Ordering::SeqCst);
        (of(&self.ticks), of(&self.drains))
    }
}

#[derive(Clone, Default)]
#[service(scheduled(interval = "100ms"))]
struct Ticker(Counts);

impl Scheduled for Ticker {
    async fn tick(&self, _: &Context) -> Result {
        self.0.tick();
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        self.0.drains.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[service(idle)]
struct Store;

impl Idle for Store {}

#[service(worker)]
struct Consumer;

impl Worker for Consumer {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[service(oneshot)]
struct Migration(Duration);

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        sleep(self.0).await;
        Ok(())
    }
}

#[service(queue(size = 3, interval = "1s"))]
struct Audit(Intake<u32>);

impl Queue for Audit {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.0
    }

    async fn flush(&self, _: &[u32], _: &Context) -> Result {
        Ok(())
    }
}

/// Runs what it holds in a task of tokio's, and not in its own.
struct Elsewhere(Arc<dyn Service>);

#[async_trait]
impl Service for Elsewhere {
    async fn start(&self, cx: &Context) -> Result {
        let (held, cx) = (self.0.clone(), cx.clone());
        tokio::spawn(async move { held.start(&cx).await }).await?
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

/// Has code of its own on both sides.
struct Slow<S>(S);

#[async_trait]
impl<S: Service> Service for Slow<S> {
    async fn start(&self, cx: &Context) -> Result {
        sleep(secs(1)).await;
        self.0.start(cx).await?;
        sleep(secs(1)).await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await?;
        sleep(secs(1)).await;
        Ok(())
    }
}

/// The service in each of the decorators.
fn decorated<S: Service>(service: impl Fn() -> S) -> Vec<(&'static str, Arc<dyn Service>)> {
    // They do not know what they hold.
    let held: Arc<dyn Service> = Arc::new(service());
    let plain: Arc<dyn Service> = Arc::new(Plain(service()));
    vec![
        ("plain", Arc::new(Plain(service()))),
        ("held", Arc::new(Plain(held))),
        ("two", Arc::new(Plain(Plain(plain)))),
        ("slow", Arc::new(Slow(service()))),
    ]
}

fn status(handle: &Handle) -> ServiceStatus {
    handle.states().into_iter().next().unwrap()
}

#[test]
fn a_decorated_schedule_ticks_is_seen_and_can_be_asked() {
    let counts = Counts::default();
    for (name, service) in decorated(|| Ticker(counts.clone())) {
        paused(async {
            let before = counts.all();
            let running = start(registry! { "it" => service });
            let handle = running.handle();
            running.await_healthy().await.unwrap();
            sleep(millis(250)).await;
            handle.trigger("it").await.unwrap();
            let status = status(&handle);
            assert_eq!(status.shape, Shape::Scheduled, "{name}");
            assert_eq!(status.ticks.unwrap().count, 3, "{name}");
            running.stop().await.into_result().unwrap();
            assert_eq!(counts.all(), (before.0 + 3, before.1 + 1), "{name}");
        });
    }
}

#[test]
fn whoever_asks_a_decorated_schedule_before_it_runs_has_the_first_tick() {
    for (name, service) in decorated(Ticker::default) {
        paused(async {
            let running = start(registry! { "it" => service });
            let handle = running.handle();
            let asked = timeout(secs(60), handle.trigger("it")).await;
            assert!(asked.unwrap().is_ok(), "{name}");
            assert_eq!(state_of(&handle, "it"), State::Running);
            running.stop().await.into_result().unwrap();
        });
    }
}

#[test]
fn a_decorated_oneshot_may_take_its_time_and_its_dependents_start_when_it_has_succeeded() {
    for (name, service) in decorated(|| Migration(secs(3600))) {
        paused(async {
            let began = Instant::now();
            let registry = Registry::builder()
                .service("it", service)
                .service("store", Store)
                .after(["it"]);
            let running = start(registry.build().unwrap());
            let moves = Moves::watch(&running.handle());
            running.await_healthy().await.unwrap();
            assert!(began.elapsed() >= secs(3600), "{name}");
            let status = status(&running.handle());
            assert_eq!(status.shape, Shape::Oneshot, "{name}");
            assert_eq!(status.state, State::Stopped, "{name}");
            assert!(status.succeeded && status.is_healthy(), "{name}");
            running.stop().await.into_result().unwrap();
            let seen = moves.of("it").await;
            assert!(!seen.contains(&State::Running), "{name}: {seen:?}");
        });
    }
}

#[test]
fn a_start_timeout_that_is_written_holds_for_a_decorated_oneshot() {
    for (name, service) in decorated(|| Migration(secs(3600))) {
        paused(async {
            let builder = Registry::builder().service("it", service);
            let registry = builder.start_timeout(secs(20)).build().unwrap();
            let running = start(registry);
            let error = running.await_healthy().await.unwrap_err().to_string();
            assert!(error.contains("20s"), "{name}: {error}");
            let _ = running.stop().await;
        });
    }
}

#[test]
fn a_decorated_oneshot_has_all_its_time_to_stop_for_its_run() {
    for (_, service) in decorated(|| Migration(secs(12))).into_iter().take(3) {
        paused(async {
            let builder = Registry::builder().service("it", service);
            let registry = builder.stop_timeout(secs(10)).build().unwrap();
            let running = start(registry);
            // It has ten seconds, and needs less than that but more than three quarters.
            sleep(secs(4)).await;
            let outcome = running.stop().await;
            outcome.into_result().unwrap();
        });
    }
}

#[test]
fn a_decorated_queue_keeps_its_counts() {
    let intake = || Intake::bounded(10);
    for kind in 0..4 {
        paused(async {
            let intake = intake();
            let (name, service) = decorated(|| Audit(intake.clone())).swap_remove(kind);
            let running = start(registry! { "it" => service });
            running.await_healthy().await.unwrap();
            for item in 0..7 {
                intake.send(item).await.unwrap();
            }
            let handle = running.handle();
            running.stop().await.into_result().unwrap();
            let status = status(&handle);
            assert_eq!(status.shape, Shape::Queue, "{name}");
            assert_eq!(status.queue.unwrap().flushed, 7, "{name}");
        });
    }
}

#[test]
fn a_decorated_service_of_another_shape_is_what_it_is() {
    let stores = decorated(|| Store).into_iter().map(|it| (Shape::Idle, it));
    let consumers = decorated(|| Consumer)
        .into_iter()
        .map(|it| (Shape::Worker, it));
    for (shape, (name, service)) in stores.chain(consumers) {
        paused(async {
            let running = start(registry! { "it" => service });
            running.await_healthy().await.unwrap();
            assert_eq!(status(&running.handle()).shape, shape, "{name}");
            let refused = running.handle().trigger("it").await;
            assert!(
                matches!(refused, Err(TriggerError::NotScheduled(_))),
                "{name}: {refused:?}"
            );
            running.stop().await.into_result().unwrap();
        });
    }
}

/// Has no ticks, whatever it does.
struct Listener {
    is_ready_after: Duration,
}

#[async_trait]
impl Service for Listener {
    async fn start(&self, cx: &Context) -> Result {
        sleep(self.is_ready_after).await;
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

#[test]
fn a_hand_written_service_is_not_scheduled_whenever_it_is_asked() {
    paused(async {
        let is_ready_after = secs(5);
        let running = start(registry! { "listener" => Listener { is_ready_after } });
        let handle = running.handle();
        for after in [0, 1, 10] {
            sleep(secs(after)).await;
            let asked = timeout(secs(60), handle.trigger("listener")).await;
            let refused = asked.unwrap();
            assert!(matches!(refused, Err(TriggerError::NotScheduled(_))));
        }
        running.stop().await.into_result().unwrap();
        let refused = handle.trigger("listener").await;
        assert!(matches!(refused, Err(TriggerError::NotScheduled(_))));
    });
}

#[test]
fn whoever_asks_a_decorated_schedule_that_never_starts_is_told() {
    paused(async {
        let failing = Slow(Plain(Fails));
        let builder = Registry::builder().service("failing", failing);
        let builder = builder.on_failure(OnFailure::Ignore);
        let builder = builder.service("it", Slow(Ticker::default()));
        let registry = builder.after(["failing"]).on_failure(OnFailure::Ignore);
        let running = start(registry.build().unwrap());
        let asked = timeout(secs(60), running.handle().trigger("it")).await;
        assert!(matches!(asked.unwrap(), Err(TriggerError::Stopped)));
        let _ = running.stop().await;
    });
}

#[service(idle)]
struct Fails;

impl Idle for Fails {
    async fn startup(&self, _: &Context) -> Result {
        Err("no".into())
    }
}

/// Starts what it holds again when that fails.
struct Again<S>(S);

#[async_trait]
impl<S: Service> Service for Again<S> {
    async fn start(&self, cx: &Context) -> Result {
        while self.0.start(cx).await.is_err() {
            sleep(secs(1)).await;
        }
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.0.stop(cx).await
    }
}

#[service(scheduled(interval = "100ms", on_error = fail))]
struct Once(Counts);

impl Scheduled for Once {
    async fn tick(&self, _: &Context) -> Result {
        self.0.tick();
        match self.0.all().0 {
            1 => Err("the first one".into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_schedule_that_its_decorator_starts_again_can_be_asked_again() {
    paused(async {
        let counts = Counts::default();
        let running = start(registry! { "it" => Again(Once(counts.clone())) });
        running.await_healthy().await.unwrap();
        sleep(millis(1150)).await;
        running.handle().trigger("it").await.unwrap();
        assert_eq!(counts.all().0, 2);
        running.stop().await.into_result().unwrap();
    });
}

#[test]
fn a_service_that_is_started_in_another_task_shows_as_running_and_ticks_and_drains() {
    paused(async {
        let ticker = Ticker::default();
        let (counts, held) = (ticker.0.clone(), Elsewhere(Arc::new(ticker)));
        let running = start(registry! {
            "ticker" => held,
            "consumer" => Elsewhere(Arc::new(Consumer)), after = ["ticker"],
        });
        timeout(millis(50), running.await_healthy())
            .await
            .unwrap()
            .unwrap();
        sleep(millis(350)).await;
        running.stop().await.into_result().unwrap();
        assert_eq!(counts.all(), (3, 1));
    });
}
