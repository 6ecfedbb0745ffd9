//! Rule 27: the same value in each run, or one that is built anew.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lifecycle::{
    Context, Idle, Intake, Oneshot, Queue, Registry, Result, Scheduled, Service, Shape, State,
    Worker, anew, async_trait, service,
};
use lifecycle_tests::{Alive, Journal, fails, nothing, secs, start};
use tokio::time::sleep;

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

#[service(worker)]
struct Counted {
    runs: AtomicUsize,
}

impl Worker for Counted {
    async fn run(&self, cx: &Context) -> Result {
        let before = self.runs.fetch_add(1, Ordering::SeqCst);
        if before < 3 {
            sleep(secs(1)).await;
            return Err("disk full".into());
        }
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_value_is_the_same_in_each_run_and_callers_keep_their_arc() {
    let counted = Arc::new(Counted { runs: 0.into() });
    let running = started(alone(counted.clone(), policy())).await;
    sleep(secs(10)).await;
    assert_eq!(counted.runs.load(Ordering::SeqCst), 4);
    assert_eq!(status(&running.handle(), "feed").shape, Shape::Worker);
    running.stop().await.into_result().unwrap();
    assert_eq!(Arc::strong_count(&counted), 1);
}

/// One for each run, which says when it comes and goes.
#[service(worker)]
struct Feed {
    runs: Runs,
    journal: Journal,
    _alive: Alive,
}

impl Feed {
    #[expect(clippy::unused_async, reason = "as a user's would be")]
    async fn connect(runs: &Runs, journal: &Journal, alive: &Arc<AtomicUsize>) -> Result<Self> {
        journal.note("built");
        let feed = Self {
            runs: runs.clone(),
            journal: journal.clone(),
            _alive: Alive::new(alive),
        };
        assert_eq!(alive.load(Ordering::SeqCst), 1, "one at a time");
        Ok(feed)
    }
}

impl Worker for Feed {
    async fn startup(&self, cx: &Context) -> Result {
        self.runs.clone().worker().startup(cx).await
    }

    async fn run(&self, cx: &Context) -> Result {
        self.runs.clone().worker().run(cx).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        self.runs.clone().worker().drain(cx).await
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.journal.note("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn anew_builds_for_each_run_and_drops_after_its_drain() {
    let (journal, alive) = (Journal::new(), Arc::new(AtomicUsize::new(0)));
    let runs = Runs::new(&journal, [fails_after(secs(1)), runs_on()]);
    let (of_build, count) = (journal.clone(), alive.clone());
    let service = anew(async move || Feed::connect(&runs, &of_build, &count).await);
    let running = started(alone(service, policy())).await;
    assert_eq!(status(&running.handle(), "feed").shape, Shape::Worker);
    reaches(&running.handle(), "feed", State::Backoff).await;
    assert_eq!(
        alive.load(Ordering::SeqCst),
        0,
        "it is gone while it backs off"
    );
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let one = ["built", "feed: startup", "feed: startup done", "feed: run"];
    let end = ["feed: drain", "feed: drain done", "dropped"];
    let wanted: Vec<_> = [
        &one[..],
        &["feed: run failed"],
        &end,
        &one,
        &["feed: run done"],
        &end,
    ]
    .concat();
    assert_eq!(journal.all(), wanted);
}

#[tokio::test(start_paused = true)]
async fn to_build_is_a_part_of_the_start() {
    let journal = Journal::new();
    // Behind a decorator its shape shows once it is started.
    let never = anew(async || -> Result<lifecycle_tests::IdleScript> { Err("no route".into()) });
    let running = start(alone(never, policy()).build().unwrap());
    let reason = running.wait().await.to_string();
    assert_eq!(reason, "service `feed` failed in startup: no route");
    drop(running.stop().await);

    let hangs =
        anew(async || -> Result<lifecycle_tests::IdleScript> { std::future::pending().await });
    let running = start(
        alone(hangs, policy())
            .start_timeout(secs(3))
            .build()
            .unwrap(),
    );
    assert!(
        running
            .wait()
            .await
            .to_string()
            .contains("was not ready within 3s")
    );
    drop(running.stop().await);

    let of_build = journal.clone();
    let hangs = anew(async move || -> Result<lifecycle_tests::IdleScript> {
        of_build.note("built");
        std::future::pending().await
    });
    let running = start(alone(hangs, policy()).build().unwrap());
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.all(), ["built"], "dropped by the stop");
}

#[tokio::test(start_paused = true)]
async fn after_the_first_one_that_was_up_a_build_that_fails_is_a_failed_restart() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [fails_after(secs(1)), runs_on()]);
    let built = Arc::new(AtomicUsize::new(0));
    let count = built.clone();
    let service = anew(async move || match count.fetch_add(1, Ordering::SeqCst) {
        1 | 2 => Err("no route".into()),
        _ => Ok(runs.clone().worker()),
    });
    let running = started(alone(service, policy())).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    assert_eq!(built.load(Ordering::SeqCst), 4);
    let shown = status(&running.handle(), "feed");
    assert_eq!(shown.restarts, 3);
    assert_eq!(
        shown.last_error.unwrap().to_string(),
        "service `feed` failed in startup: no route"
    );
    running.stop().await.into_result().unwrap();
}

#[service(idle)]
struct Store(Journal);
impl Idle for Store {
    async fn drain(&self, _: &Context) -> Result {
        self.0.note("drained");
        Ok(())
    }
}

#[service(scheduled(interval = "1s"))]
struct Ticks(Journal);
impl Scheduled for Ticks {
    async fn tick(&self, _: &Context) -> Result {
        self.0.note("tick");
        Ok(())
    }
}

#[service(oneshot)]
struct Job(Journal);
impl Oneshot for Job {
    async fn run(&self, _: &Context) -> Result {
        self.0.note("done");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn anew_gives_a_service_of_each_shape() {
    let journal = Journal::new();
    let (store, ticks, job) = (journal.clone(), journal.clone(), journal.clone());
    let registry = Registry::builder()
        .service("store", anew(async move || Ok(Store(store.clone()))))
        .service("ticks", anew(async move || Ok(Ticks(ticks.clone()))))
        .service("job", anew(async move || Ok(Job(job.clone()))))
        .service("shared", anew(async || Ok(Arc::new(Plain))));
    let running = started(registry).await;
    let handle = running.handle();
    handle.trigger("ticks").await.unwrap();
    let shapes: Vec<_> = handle.states().iter().map(|status| status.shape).collect();
    assert_eq!(
        shapes,
        [Shape::Idle, Shape::Scheduled, Shape::Oneshot, Shape::Custom]
    );
    for name in ["store", "ticks", "shared"] {
        handle.restart(name).await.unwrap();
    }
    handle.trigger("ticks").await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("drained"), 2);
    assert_eq!(journal.count("tick"), 2);
    assert_eq!(journal.count("done"), 1);
}

struct Plain;

#[async_trait]
impl Service for Plain {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        Ok(())
    }
}

#[service(queue(size = 2, interval = "1s"))]
struct Audit {
    events: Intake<u32>,
    flushed: Arc<Mutex<Vec<u32>>>,
    fails: Arc<AtomicUsize>,
}

impl Queue for Audit {
    type Item = u32;

    fn intake(&self) -> &Intake<u32> {
        &self.events
    }

    async fn flush(&self, batch: &[u32], _: &Context) -> Result {
        if self.fails.load(Ordering::SeqCst) > 0 {
            self.fails.fetch_sub(1, Ordering::SeqCst);
            return Err("away".into());
        }
        self.flushed.lock().unwrap().extend(batch);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_built_anew_goes_on_with_the_intake_it_is_given() {
    let (events, flushed) = (Intake::bounded(10), Arc::new(Mutex::new(Vec::new())));
    let fails = Arc::new(AtomicUsize::new(5));
    let (intake, sink) = (events.clone(), flushed.clone());
    let service = anew(async move || {
        Ok(Audit {
            events: intake.clone(),
            flushed: sink.clone(),
            fails: fails.clone(),
        })
    });
    let running = started(alone(service, policy())).await;
    events.send(1).await.unwrap();
    reaches(&running.handle(), "feed", State::Backoff).await;
    events.send(2).await.unwrap();
    running.await_healthy().await.unwrap();
    sleep(secs(2)).await;
    assert_eq!(*flushed.lock().unwrap(), [1, 2]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_destructor_that_panics_after_the_drain_is_a_failure_of_the_drain() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as scripted");
        }
    }
    #[service(worker)]
    struct Armed(#[allow(dead_code)] Bomb, Runs);
    impl Worker for Armed {
        async fn run(&self, cx: &Context) -> Result {
            self.1.clone().worker().startup(cx).await?;
            self.1.clone().worker().run(cx).await
        }
    }
    lifecycle_tests::hush();
    let runs = Runs::of(
        &Journal::new(),
        [nothing()],
        [fails_after(secs(1))],
        [fails("never")],
    );
    let running = started(alone(
        anew(async move || Ok(Armed(Bomb, runs.clone()))),
        policy(),
    ))
    .await;
    running.wait().await;
    let outcome = running.stop().await;
    let failures: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        [
            "service `feed` failed in run: disk full",
            "service `feed` panicked in drain: as scripted"
        ]
    );
}
