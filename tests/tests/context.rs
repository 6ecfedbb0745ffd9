//! What a hook can see and ask through its context.

use std::sync::{Arc, Mutex};

use lifecycle::{Cause, Context, Phase, Result, Service, State, async_trait, registry, testing};
use lifecycle_tests::{
    Journal, degrades, fails, hangs, panics, recovers, secs, spawns, start, states, takes,
    until_stopped,
};
use tokio::time::{Duration, sleep};

/// Lets the test hold the context and say when `start` fails; notes what `stop` sees.
#[derive(Default)]
struct Probe {
    context: Mutex<Option<Context>>,
    fails_after: Option<Duration>,
    finishes: bool,
    seen: Mutex<Vec<String>>,
}

impl Probe {
    fn context(&self) -> Context {
        self.context.lock().unwrap().clone().unwrap()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Service for Probe {
    async fn start(&self, cx: &Context) -> Result {
        *self.context.lock().unwrap() = Some(cx.clone());
        assert!(cx.cause().is_none() && cx.deadline().is_none());
        cx.ready();
        if let Some(time) = self.fails_after {
            sleep(time).await;
            Err("lost")?;
        }
        if !self.finishes {
            cx.stop_channel().closed().await;
        }
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        let cause = match cx.cause() {
            None => "none".to_owned(),
            Some(Cause::Shutdown(reason)) => format!("shutdown: {reason}"),
            Some(Cause::Failure(error)) => format!("failure: {error}"),
            Some(other) => other.to_string(),
        };
        let left = cx.deadline().map(|at| at - tokio::time::Instant::now());
        self.seen.lock().unwrap().push(format!("{cause}; {left:?}"));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn drain_sees_why_the_service_ends_and_until_when() {
    let asked = Arc::new(Probe::default());
    let failing = Arc::new(Probe {
        fails_after: Some(secs(2)),
        ..Probe::default()
    });
    let running = start(registry! {
        deadline = secs(6),
        "asked" => asked.clone(), after = ["failing"],
        "failing" => failing.clone(), stop_timeout = secs(60),
    });
    running.wait().await;
    let handle = running.handle();
    running.stop().await.into_result().unwrap_err();
    let failure = "service `failing` failed in run: lost";
    let shares = "three quarters of it, as another is below";
    assert_eq!(
        asked.seen(),
        [format!("shutdown: {failure}; Some(4.5s)")],
        "{shares}"
    );
    assert_eq!(failing.seen(), [format!("failure: {failure}; Some(6s)")]);
    assert_eq!(states(&handle), ["asked: stopped", "failing: failed"]);
}

#[tokio::test(start_paused = true)]
async fn drain_sees_a_request_and_the_services_own_timeout() {
    let probe = Arc::new(Probe::default());
    let running = start(registry! { "a" => probe.clone(), stop_timeout = secs(3), });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(probe.seen(), ["shutdown: stop requested; Some(3s)"]);
}

#[tokio::test(start_paused = true)]
async fn under_ignore_the_cause_is_the_services_own_failure() {
    let probe = Arc::new(Probe {
        fails_after: Some(secs(2)),
        ..Probe::default()
    });
    let journal = Journal::new();
    let running = start(registry! {
        "a" => probe.clone(), on_failure = ignore,
        "b" => journal.script().idle(),
    });
    sleep(secs(5)).await;
    assert_eq!(
        probe.seen(),
        ["failure: service `a` failed in run: lost; Some(10s)"]
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn degraded_is_shown_and_readiness_unchanged() {
    let journal = Journal::new();
    let run = degrades("slow disk")
        .then(takes(secs(5)))
        .then(degrades("slower disk"))
        .then(takes(secs(5)));
    let running = start(registry! {
        "store" => journal.script().run(run.then(recovers()).then(until_stopped())).worker(),
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let why = || handle.states()[0].degraded.clone();
    assert_eq!(why().as_deref(), Some("slow disk"));
    assert!(handle.is_healthy());
    assert_eq!(handle.states()[0].state, State::Running);
    sleep(secs(6)).await;
    assert_eq!(why().as_deref(), Some("slower disk"));
    sleep(secs(6)).await;
    assert_eq!(why(), None);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_that_fails_is_the_services_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().run(spawns(takes(secs(3)).then(fails("lost"))).then(until_stopped())).worker(),
    });
    assert_eq!(
        running.wait().await.to_string(),
        "service `api` failed in task: lost"
    );
    assert_eq!(journal.now(), secs(3));
    let outcome = running.stop().await;
    assert_eq!(outcome.failures()[0].phase(), Phase::Task);
    assert_eq!(journal.count("api: drain"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_that_panics_is_the_services_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        "api" => journal.script().startup(spawns(panics("index 7"))).idle(),
    });
    assert_eq!(
        running.wait().await.to_string(),
        "service `api` panicked in task: index 7"
    );
    running.stop().await.into_result().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_may_end_and_may_spawn_in_turn() {
    let journal = Journal::new();
    let inner = until_stopped().then(takes(secs(2)));
    let running = start(registry! {
        "api" => journal.script().startup(spawns(spawns(inner))).worker(),
    });
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.now(), secs(3));
    assert_eq!(journal.count("api: task done"), 2);
    assert_eq!(journal.at("api: drain"), secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_task_spawned_in_drain_is_awaited() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "api" => journal.script().drain(spawns(takes(secs(2)))).worker(), after = ["store"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("api: task done"), secs(2));
    assert_eq!(journal.at("store: drain"), secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_startup_that_failed_ends_before_its_dependencies_stop() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "api" => journal.script().startup(spawns(until_stopped().then(takes(secs(2)))).then(fails("no"))).idle(), after = ["store"],
    });
    running.wait().await;
    running.stop().await.into_result().unwrap_err();
    assert_eq!(journal.at("api: task done"), secs(2));
    assert_eq!(journal.at("store: drain"), secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_context_outlives_its_service_and_then_changes_nothing() {
    let probe = Arc::new(Probe::default());
    let running = start(registry! { "a" => probe.clone(), });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    running.stop().await.into_result().unwrap();

    let cx = probe.context();
    let (alive, mut dropped) = tokio::sync::oneshot::channel::<()>();
    cx.spawn(async move {
        let _alive = alive;
        panic!("never polled");
    });
    assert!(dropped.try_recv().is_err(), "dropped at once");
    cx.ready();
    cx.shutdown();
    cx.exited().await;
    cx.stop_channel().closed().await;
    assert_eq!(cx.name(), "a");
    assert_eq!(states(&handle), ["a: stopped"]);
    assert_eq!(handle.wait().await.to_string(), "stop requested");
}

#[tokio::test(start_paused = true)]
async fn a_stop_channel_is_seen_by_every_clone_early_or_late() {
    let probe = Arc::new(Probe::default());
    let running = start(registry! { "a" => probe.clone(), });
    running.await_healthy().await.unwrap();
    let stop = probe.context().stop_channel();
    let early: Vec<_> = (0..3).map(|_| tokio::spawn(stop.closed_owned())).collect();
    assert!(!stop.is_closed());
    running.stop().await.into_result().unwrap();
    assert!(stop.is_closed());
    for waiter in early {
        waiter.await.unwrap();
    }
    stop.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_can_be_tested_without_a_registry() {
    let cx = testing::context("cache");
    assert_eq!(cx.name(), "cache");
    assert!(!cx.stop_channel().is_closed());
    assert!(cx.cause().is_none() && cx.deadline().is_none());

    let probe = Probe {
        finishes: true,
        ..Probe::default()
    };
    probe.start(&cx).await.unwrap();
    let waiting = tokio::spawn(cx.stop_channel().closed_owned());
    testing::stop(&cx);
    waiting.await.unwrap();
    assert!(cx.stop_channel().is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_test_context_runs() {
    let cx = testing::context("cache");
    let (done, finished) = tokio::sync::oneshot::channel();
    cx.spawn(async move {
        let _ = done.send(());
        Ok(())
    });
    finished.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hung_task_does_not_outlive_its_context_in_a_test() {
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(spawns(hangs())).idle(), stop_timeout = secs(1),
    });
    running.await_healthy().await.unwrap();
    drop(running.stop().await);
    let cx = testing::context("cache");
    cx.spawn(std::future::pending());
    drop(cx);
    tokio::task::yield_now().await;
    let after = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(after, before);
}

/// Serves the state of the application it is a part of.
struct Status(Mutex<Vec<Vec<String>>>);

#[async_trait]
impl Service for Status {
    async fn start(&self, cx: &Context) -> Result {
        let handle = cx.handle();
        self.0.lock().unwrap().push(states(&handle));
        cx.ready();
        handle.await_healthy().await?;
        self.0.lock().unwrap().push(states(&handle));
        handle.shutdown();
        cx.stop_channel().closed().await;
        self.0.lock().unwrap().push(states(&handle));
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_can_look_at_the_whole_application() {
    let status = Arc::new(Status(Mutex::default()));
    let journal = Journal::new();
    let running = start(registry! {
        "status" => status.clone(),
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "api" => journal.script().worker(), after = ["store", "status"],
    });
    running.wait().await;
    running.stop().await.into_result().unwrap();
    assert_eq!(
        *status.0.lock().unwrap(),
        [
            ["status: starting", "store: starting", "api: waiting"],
            ["status: running", "store: running", "api: running"],
            ["status: stopping", "store: stopping", "api: stopped"],
        ]
    );
}
