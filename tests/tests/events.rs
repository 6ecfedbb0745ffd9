//! What is told of an application while it runs: rule 32.
//!
//! The kind of fault this is about: a program that wants to know what its services do reads the log, and the log is
//! sentences; a callback that is slow holds up what it is told of, or takes the service down with it when it panics.

use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lifecycle::{
    Context, Event, EventKind, Idle, Phase, Reason, Registry, Result, registry, service,
};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::{
    Journal, degrades, fails, hangs, hush, millis, nothing, paused, recovers, secs, start, takes,
    threads, until_stopped,
};
use tokio::time::{Instant, sleep, timeout};

#[service(idle)]
struct Resting;

impl Idle for Resting {}

/// What an observer was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    fn observer(&self) -> impl FnMut(&Event) + Send + 'static {
        let told = self.clone();
        move |event| told.list().push(event.clone())
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Vec<String> {
        self.list().iter().map(ToString::to_string).collect()
    }

    fn lines_with(&self, word: &str) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| line.contains(word));
        lines
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_all_that_happens_in_order_from_the_first_move_to_the_last() {
    let journal = Journal::new();
    let told = Told::default();
    let registry = registry! {
        "store" => journal.script().startup(takes(millis(500))).idle(),
        "gc" => journal.script().tick(takes(millis(10))).tick(fails("no space")).scheduled(secs(1)), after = ["store"],
    };
    let running = start(registry.on_event(told.observer()));
    sleep(millis(2_600)).await;
    running.stop().await.into_result().unwrap();

    let expected = [
        "store: new -> waiting",
        "gc: new -> waiting",
        "store: waiting -> starting",
        "store: starting -> running",
        "gc: waiting -> starting",
        "gc: starting -> running",
        "healthy",
        "gc: tick ended after 10.0ms",
        "gc: tick failed after 0.0ns: no space",
        "stopping: stop requested",
        "gc: running -> stopping",
        "gc: stopping -> stopped",
        "store: running -> stopping",
        "store: stopping -> stopped",
    ];
    let mut lines = told.lines();
    // The first moves of services that don't wait for each other come in any order.
    let waits = lines.iter().position(|line| line == expected[1]).unwrap();
    assert!(waits == 1 || waits == 2, "{lines:#?}");
    lines.swap(1, waits);
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn events_hold_their_instants_and_how_long_what_ended_took() {
    let journal = Journal::new();
    let told = Told::default();
    let registry = registry! {
        "store" => journal.script().startup(takes(millis(500))).idle(),
        "gc" => journal.script().tick(takes(millis(10))).scheduled(secs(1)), after = ["store"],
    };
    let begun = Instant::now();
    let running = start(registry.on_event(told.observer()));
    sleep(secs(2)).await;
    running.stop().await.into_result().unwrap();

    let list = told.list();
    assert!(list.iter().zip(1..).all(|(event, id)| event.id == id));
    assert!(list.is_sorted_by_key(|event| event.at));
    let find = |line: &str| list.iter().find(|event| event.to_string() == line).unwrap();
    let up = find("store: starting -> running");
    assert_eq!(up.at - begun, millis(500));
    assert_eq!(up.kind.took(), Some(millis(500)));
    assert_eq!(up.service.as_deref(), Some("store"));
    let tick = find("gc: tick ended after 10.0ms");
    assert_eq!(tick.at - begun, millis(1_510));
    assert_eq!(tick.kind.took(), Some(millis(10)));
    let down = find("gc: running -> stopping");
    assert_eq!(down.kind.took(), Some(millis(1_500)));
    let healthy = find("healthy");
    assert_eq!(healthy.service, None);
    assert!(matches!(
        healthy.kind,
        EventKind::Healthy { services: 2, .. }
    ));
    assert!(healthy.time.elapsed().unwrap() < secs(3_600));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_is_told_with_its_error() {
    let journal = Journal::new();
    let told = Told::default();
    let registry = registry! {
        "worker" => journal.script()
            .run(degrades("slow disk").then(recovers()).then(takes(secs(1))).then(fails("no disk")))
            .drain(hangs())
            .worker(),
    };
    let running = start(registry.on_event(told.observer()));
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);

    let lines = told.lines();
    for line in [
        "worker: degraded: slow disk",
        "worker: recovered",
        "service `worker` failed in run: no disk",
        "stopping: service `worker` failed in run: no disk",
        "worker: late, dropped in drain after 10.0s",
    ] {
        let count = lines.iter().filter(|told| *told == line).count();
        assert_eq!(count, 1, "{line}: {lines:#?}");
    }
    let list = told.list();
    let kinds = |word: &str| {
        list.iter()
            .filter(|event| event.kind.as_str() == word)
            .count()
    };
    assert_eq!(kinds("failed"), 1);
    let late = list.iter().find(|event| event.kind.as_str() == "late");
    assert!(matches!(
        late.unwrap().kind,
        EventKind::Late { phase: Phase::Drain, had, .. } if had == secs(10)
    ));
    let stopping = list.iter().find(|event| event.kind.as_str() == "stopping");
    assert!(matches!(
        &stopping.unwrap().kind,
        EventKind::Stopping { reason: Reason::Failure(error), .. } if error.service() == "worker"
    ));
    let failed = list.iter().find(|event| event.kind.as_str() == "failed");
    assert!(failed.unwrap().kind.error().unwrap().contains("no disk"));
}

#[tokio::test(start_paused = true)]
async fn a_startup_that_is_tried_again_is_told_with_its_wait() {
    #[service(idle, startup(retry = "100ms..10s"))]
    struct Flaky(Mutex<u32>);

    impl Idle for Flaky {
        async fn startup(&self, _: &Context) -> Result {
            let mut attempts = self.0.lock().unwrap();
            *attempts += 1;
            if *attempts < 3 {
                return Err("refused".into());
            }
            Ok(())
        }
    }

    let told = Told::default();
    let registry = registry! { "flaky" => Flaky(Mutex::new(0)) };
    let running = start(registry.on_event(told.observer()));
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let failures: Vec<_> = told
        .list()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::StartupFailed {
                failures, error, ..
            } => Some((*failures, error.to_string())),
            _ => None,
        })
        .collect();
    let expected = [(1, "refused".to_owned()), (2, "refused".to_owned())];
    assert_eq!(failures, expected);
}

#[tokio::test(start_paused = true)]
async fn flushes_are_told_with_their_items_in_the_drain_too() {
    let told = Told::default();
    let does = vec![takes(millis(20)), fails("away"), nothing()];
    let queue = Gatherer::new(2, 1_000, 10).does(does);
    let registry = registry! { "audit" => queue.clone() };
    let running = start(registry.on_event(told.observer()));
    running.await_healthy().await.unwrap();
    for item in 0..4 {
        queue.intake.send(item).await.unwrap();
    }
    sleep(millis(900)).await;
    queue.intake.send(4).await.unwrap();
    running.stop().await.into_result().unwrap();
    let flushes = told.lines_with("flush");
    let expected = [
        "audit: flush of 2 ended after 20.0ms",
        "audit: flush of 2 failed after 0.0ns: away",
        "audit: flush of 2 ended after 0.0ns",
        "audit: flush of 1 ended after 0.0ns",
    ];
    assert_eq!(flushes, expected);
}

#[test]
fn an_observer_that_blocks_delays_no_service_on_a_runtime_of_one_thread() {
    let (release, released) = mpsc::channel::<()>();
    let (told, blocked) = (Told::default(), Told::default());
    let mut observer = blocked.observer();
    let runtime = threads(0);
    runtime.block_on(async {
        let journal = Journal::new();
        let registry = registry! { "gc" => journal.script().scheduled(millis(5)) };
        let registry = registry.on_event(told.observer()).on_event(move |event| {
            let _ = released.recv();
            observer(event);
        });
        let running = start(registry);
        running.await_healthy().await.unwrap();
        let handle = running.handle();
        for _ in 0..3 {
            handle.trigger("gc").await.unwrap();
        }
        let began = std::time::Instant::now();
        let outcome = running.stop().await;
        assert!(began.elapsed() < secs(5));
        assert!(outcome.took().unwrap() < secs(1));
        outcome.into_result().unwrap();
    });
    assert_eq!(blocked.lines(), [""; 0]);
    // It gets the rest all the same, in the background.
    drop(release);
    drop(runtime);
    assert_eq!(blocked.lines(), told.lines());
    assert!(told.lines_with("tick ended").len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_harms_nobody_and_goes_on() {
    hush();
    let (before, after) = (Told::default(), Told::default());
    let mut count = 0;
    let (calls, counted) = mpsc::channel();
    let registry = registry! { "a" => Resting, "b" => Resting, after = ["a"] };
    let registry = registry
        .on_event(before.observer())
        .on_event(move |_| {
            count += 1;
            calls.send(count).unwrap();
            panic!("as scripted");
        })
        .on_event(after.observer());
    let running = start(registry);
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(before.lines(), after.lines());
    assert_eq!(before.lines().len(), 12);
    assert_eq!(counted.iter().count(), 12);
}

#[test]
fn from_many_threads_each_event_is_told_once_and_in_one_order() {
    let runtime = threads(4);
    for _ in 0..500 {
        runtime.block_on(async {
            let journal = Journal::new();
            let (first, second) = (Told::default(), Told::default());
            let registry = registry! {
                "a" => journal.script().scheduled(millis(1)),
                "b" => journal.script().scheduled(millis(1)),
                "c" => journal.script().scheduled(millis(1)), after = ["a"],
            };
            let mut subscription = registry.handle().events();
            let registry = registry
                .on_event(first.observer())
                .on_event(second.observer());
            let running = start(registry);
            running.await_healthy().await.unwrap();
            let handle = running.handle();
            let (a, b, c) = tokio::join!(
                handle.trigger("a"),
                handle.trigger("b"),
                handle.trigger("c")
            );
            a.and(b).and(c).unwrap();
            running.stop().await.into_result().unwrap();
            let lines = first.lines();
            assert_eq!(lines, second.lines());
            assert!(
                first
                    .list()
                    .iter()
                    .zip(1..)
                    .all(|(event, id)| event.id == id)
            );
            let mut moves = lines.clone();
            moves.retain(|line| line.contains(" -> "));
            assert_eq!(moves.len(), 15);
            for line in lines {
                assert_eq!(subscription.recv().await.unwrap().to_string(), line);
            }
            assert!(subscription.recv().await.is_none());
            assert_eq!(subscription.missed(), 0);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_too_slow_misses_the_oldest_and_is_told_how_many() {
    let journal = Journal::new();
    let registry = registry! { "gc" => journal.script().scheduled(millis(1)) };
    let mut events = registry.handle().events();
    let running = start(registry);
    sleep(secs(3)).await;
    running.stop().await.into_result().unwrap();
    let first = events.recv().await.unwrap();
    assert_eq!(events.missed(), first.id - 1);
    assert!(events.missed() > 1_000, "{}", events.missed());
    let mut last = first.id;
    let mut count = 1;
    while let Some(event) = events.recv().await {
        assert_eq!(event.id, last + 1);
        last = event.id;
        count += 1;
    }
    assert_eq!(count, 1_024);
    assert_eq!(events.missed(), last - 1_024);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_gets_what_followed_the_last_event_that_it_saw() {
    let registry = registry! { "a" => Resting };
    let handle = registry.handle();
    let mut events = handle.events();
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let seen = events.recv().await.unwrap().id;
    let next = events.recv().await.unwrap();
    let mut again = handle.events_after(seen);
    assert_eq!(again.recv().await.unwrap().id, next.id);
    assert_eq!(again.missed(), 0);
    let mut future = handle.events_after(1_000_000);
    assert!(timeout(secs(1), future.recv()).await.is_err());
    running.stop().await.into_result().unwrap();
    assert_eq!(
        future.recv().await.unwrap().to_string(),
        "stopping: stop requested"
    );
    let mut late = handle.events_after(0);
    assert_eq!(late.recv().await.unwrap().id, 1);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_of_a_registry_that_never_runs_ends_and_its_observer_is_dropped() {
    let (kept, dropped) = mpsc::channel::<()>();
    let registry = registry! { "a" => Resting }.on_event(move |_| drop(kept.clone()));
    let handle = registry.handle();
    let mut events = handle.events();
    drop(registry);
    assert!(events.recv().await.is_none());
    assert!(dropped.recv().is_err());
    assert!(handle.events().recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_dropped_with_the_run_though_a_handle_is_kept() {
    let (kept, dropped) = mpsc::channel::<()>();
    let registry = registry! { "a" => Resting }.on_event(move |_| drop(kept.clone()));
    let running = start(registry);
    let handle = running.handle();
    running.stop().await.into_result().unwrap();
    assert!(dropped.recv().is_err());
    assert!(!handle.is_healthy());
}

#[test]
fn a_runtime_that_ends_takes_observers_with_it() {
    let (kept, dropped) = mpsc::channel::<()>();
    let runtime = threads(1);
    let running = runtime.block_on(async {
        let journal = Journal::new();
        let registry = registry! { "a" => journal.script().run(until_stopped()).worker() };
        let running = start(registry.on_event(move |_| drop(kept.clone())));
        running.await_healthy().await.unwrap();
        running
    });
    drop(runtime);
    assert!(dropped.recv().is_err());
    drop(running);
}

#[test]
fn the_time_stands_still_while_an_observer_has_events_to_see() {
    paused(async {
        let told = Told::default();
        let mut observer = told.observer();
        let journal = Journal::new();
        let registry: Registry = registry! { "gc" => journal.script().scheduled(secs(1)) };
        let running = start(registry.on_event(move |event| {
            std::thread::sleep(Duration::from_millis(1));
            observer(event);
        }));
        sleep(millis(3_500)).await;
        assert_eq!(told.lines_with("tick ended").len(), 3);
        running.stop().await.into_result().unwrap();
        assert_eq!(told.lines().len(), 10);
    });
}
