//! What is logged, and under which name.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use lifecycle::{
    Context, Registry, Restart, Result, Scheduled, Service, Worker, async_trait, registry, service,
    testing,
};
use lifecycle_tests::queue::Gatherer;
use lifecycle_tests::schedule::{Coalesce, Default, Interval};
use lifecycle_tests::{
    Journal, Knobs, Log, degrades, fails, hangs, millis, nothing, paused, recovers, secs, start,
    takes,
};
use tokio::time::sleep;
use tracing::Instrument;

#[tokio::test(start_paused = true)]
async fn the_cause_is_logged_before_the_shutdown_begins() {
    let log = Log::open();
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().idle(),
        "b" => journal.script().run(takes(secs(1)).then(fails("disk full"))).worker(), after = ["a"],
    });
    running.wait().await;
    running.stop().await.into_result().unwrap_err();
    let cause = log.place(&["ERROR", "service=b", "disk full"]);
    let stop = log.place(&["INFO", "stopping", "disk full"]);
    let first = log.place(&["service=a", "stopping"]);
    assert!(cause < stop && stop < first, "{:#?}", log.lines());
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_fails_is_logged_with_the_services_name() {
    let log = Log::open();
    let journal = Journal::new();
    let script = journal.script().tick(nothing()).tick(fails("disk full"));
    let running = start(registry! {
        "gc" => script.tick(nothing()).scheduled(secs(10)),
    });
    sleep(secs(45)).await;
    running.stop().await.into_result().unwrap();
    let _ = log.place(&["WARN", "tick failed", "service=gc", "disk full"]);
    let failures = log
        .lines()
        .iter()
        .filter(|line| line.contains("disk full"))
        .count();
    assert_eq!(failures, 1);
}

#[derive(Debug, thiserror::Error)]
#[error("cannot collect")]
struct CannotCollect(#[source] std::io::Error);

fn cannot_collect() -> CannotCollect {
    CannotCollect(std::io::Error::other("disk full"))
}

/// Its first startup fails, and each of its ticks.
#[service(scheduled(interval = "10s"), startup(retry = "1s..1s"))]
struct Collector(AtomicBool);

impl Scheduled for Collector {
    async fn startup(&self, _: &Context) -> Result {
        if self.0.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        Err(cannot_collect().into())
    }

    async fn tick(&self, _: &Context) -> Result {
        Err(cannot_collect().into())
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_or_a_tick_failed_with_is_told_with_its_causes() {
    let log = Log::open();
    let running = start(registry! { "gc" => Collector(AtomicBool::new(false)) });
    running.await_healthy().await.unwrap();
    let told = running.handle().trigger("gc").await.unwrap_err();
    assert_eq!(
        told.to_string(),
        "the tick failed: cannot collect: disk full"
    );
    let ticks = running.handle().states()[0].ticks.clone().unwrap();
    assert_eq!(
        ticks.last_error.as_deref(),
        Some("cannot collect: disk full")
    );
    running.stop().await.into_result().unwrap();
    let why = "cannot collect: disk full";
    let _ = log.place(&["WARN", "startup failed, trying again", "service=gc", why]);
    let _ = log.place(&["WARN", "tick failed", "service=gc", why]);
}

#[tokio::test(start_paused = true)]
async fn what_is_late_and_what_is_degraded_is_logged_with_the_services_name() {
    let log = Log::open();
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(degrades("slow disk")).drain(hangs()).idle(), stop_timeout = "4s",
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap_err();
    let degraded = log.place(&["WARN", "degraded", "service=a", "slow disk"]);
    let late = log.place(&["ERROR", "late", "service=a", "phase=drain", "4s"]);
    let end = log.place(&["INFO", "stopped", "1 late"]);
    assert!(degraded < late && late < end);
}

#[tokio::test(start_paused = true)]
async fn degraded_and_recovered_are_logged_when_they_change() {
    let log = Log::open();
    let journal = Journal::new();
    let mut script = journal.script();
    for act in ["slow", "slow", "slower", "", "", "slow", ""] {
        script = match act {
            "" => script.tick(recovers()),
            why => script.tick(degrades(why)),
        };
    }
    let running = start(registry! { "gc" => script.scheduled(secs(1)) });
    sleep(millis(7_500)).await;
    running.stop().await.into_result().unwrap();
    let lines = log.lines();
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("degraded") || line.contains("recovered"))
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let (degraded, recovered) = ("WARN degraded", "INFO recovered");
    assert_eq!(lines, [degraded, degraded, recovered, degraded, recovered]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_cannot_be_followed_is_logged_once_and_again_when_it_changes() {
    let log = Log::open();
    let trace = Knobs::every(1_000).trace();
    let running = start(trace.alone::<(Interval, Coalesce, Default)>());
    running.await_healthy().await.unwrap();
    let mut seen = Vec::new();
    for (every, tick_timeout) in [(0, 1), (1_000, 0), (1_000, 1), (0, 1)] {
        trace.turn(|knobs| knobs.every = millis(every));
        trace.turn(|knobs| knobs.tick_timeout = Some(millis(tick_timeout)));
        sleep(secs(100)).await;
        let about = |line: &&String| line.contains("degraded") || line.contains("recovered");
        let lines = log.lines();
        seen.push(lines.iter().filter(about).count());
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    let _ = log.place(&[
        "WARN",
        "degraded",
        "service=probe",
        "the interval `every` is zero",
    ]);
    let _ = log.place(&["WARN", "degraded", "service=probe", "the tick_timeout"]);
    let _ = log.place(&["INFO", "recovered", "service=probe"]);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_hook_logs_carries_the_services_name() {
    let log = Log::open();
    let running = start(registry! { "store" => Talker, });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    let _ = log.place(&["opened the file", "name=store"]);
    let _ = log.place(&["from a task", "name=store"]);
}

struct Talker;

#[async_trait]
impl Service for Talker {
    async fn start(&self, cx: &Context) -> Result {
        tracing::info!("opened the file");
        cx.spawn(async {
            tracing::info!("from a task");
            Ok(())
        });
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

/// Lends its context.
struct Lender(Arc<Mutex<Option<Context>>>);

#[async_trait]
impl Service for Lender {
    async fn start(&self, cx: &Context) -> Result {
        *self.0.lock().unwrap() = Some(cx.clone());
        tracing::info!("from within");
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.span().in_scope(|| tracing::info!("at the stop"));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn code_that_works_for_a_service_elsewhere_has_its_span_until_the_service_is_down() {
    let log = Log::open();
    let lent: Arc<Mutex<Option<Context>>> = Arc::default();
    let running = start(registry! { "store" => Lender(Arc::clone(&lent)), });
    running.await_healthy().await.unwrap();
    let cx = lent.lock().unwrap().clone().unwrap();
    tokio::spawn(async { tracing::info!("a request") }.instrument(cx.span()))
        .await
        .unwrap();
    running.stop().await.into_result().unwrap();
    for line in ["from within", "a request", "at the stop"] {
        let _ = log.place(&[line, "in name=store"]);
    }
    assert!(cx.span().is_none(), "it is down");
    assert_eq!(log.spans("name=store"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_context_of_a_test_has_a_span_as_well() {
    let log = Log::open();
    let cx = testing::context("cache");
    cx.span().in_scope(|| tracing::info!("from a test"));
    let _ = log.place(&["from a test", "in name=cache"]);
}

/// Starts the next one, and ends.
fn hop(cx: Context, left: usize) -> Pin<Box<dyn Future<Output = Result> + Send>> {
    Box::pin(async move {
        if left > 0 {
            cx.spawn(hop(cx.clone(), left - 1));
        } else {
            tracing::info!("the last of the chain");
            cx.degraded("so far");
        }
        Ok(())
    })
}

#[service(worker)]
struct Chain(usize);

impl Worker for Chain {
    async fn run(&self, cx: &Context) -> Result {
        cx.spawn(hop(cx.clone(), self.0));
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn all_code_of_a_service_runs_in_one_span_however_far_its_tasks_go() {
    let log = Log::open();
    let outer = tracing::info_span!("outer");
    let running = {
        let _inside = outer.enter();
        start(registry! { "chain" => Chain(10_000) })
    };
    running.await_healthy().await.unwrap();
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    let _ = log.place(&["the last of the chain", "in name=chain"]);
    assert_eq!(log.spans("name=chain"), 1);
    for line in log.lines() {
        assert!(line.matches("name=chain").count() <= 1, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_again_and_again_does_not_fill_the_log() {
    let log = Log::open();
    let running = start(registry! { "chain" => FailingChain(1_000) });
    running.wait().await;
    running.stop().await.into_result().unwrap_err();
    let failed = log
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("ERROR failed"));
    assert_eq!(failed.count(), 16);
}

/// Starts a task that fails, as often.
#[service(worker)]
struct FailingChain(usize);

impl Worker for FailingChain {
    async fn run(&self, cx: &Context) -> Result {
        for number in 0..self.0 {
            cx.spawn(async move { Err(format!("no {number}"))? });
        }
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[test]
fn a_limit_of_a_queue_that_is_wrong_is_logged_once_and_its_end_too() {
    let log = Log::open();
    paused(async {
        let queue = Gatherer::new(2, 50, 10);
        let running = start(registry! { "audit" => queue.clone() });
        queue.reach(10).await;
        queue.turn(0, 50);
        for item in 0..5 {
            queue.intake.send(item).await.unwrap();
        }
        queue.reach(60_000).await;
        queue.turn(2, 50);
        queue.reach(70_000).await;
        running.stop().await.into_result().unwrap();
    });
    let why = "the size of a batch is zero";
    let degraded = log.place(&["WARN", "degraded", "service=audit", why]);
    assert!(degraded < log.place(&["INFO", "recovered", "service=audit"]));
    let lines = log.lines();
    let said = lines.iter().filter(|line| line.contains(why));
    assert_eq!(said.count(), 1, "{lines:#?}");
}

/// Fails after a second in its first two runs.
#[service(worker)]
struct Flaky(std::sync::atomic::AtomicUsize);

impl Worker for Flaky {
    async fn run(&self, cx: &Context) -> Result {
        if self.0.fetch_add(1, Ordering::SeqCst) < 2 {
            sleep(secs(1)).await;
            return Err("disk full".into());
        }
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn each_restart_is_one_line_with_its_number_the_wait_and_the_error() {
    let log = Log::open();
    for (policy, numbers) in [
        (Restart::new().max(7), ["1 of 7", "2 of 7"]),
        (Restart::new().forever(), ["1", "2"]),
    ] {
        let registry = Registry::builder()
            .service("feed", Flaky(0.into()))
            .on_failure(policy);
        let before = log.lines().len();
        let running = start(registry.build().unwrap());
        sleep(secs(10)).await;
        running.handle().restart("feed").await.unwrap();
        running.stop().await.into_result().unwrap();
        let mut lines = log.lines().split_off(before);
        lines.retain(|line| line.contains(" restarting "));
        assert_eq!(lines.len(), 3, "{lines:#?}");
        for (line, number) in lines.iter().zip(numbers) {
            let number = format!("restart={number} wait=");
            let error = "error=service `feed` failed in run: disk full";
            for part in ["WARN", "service=feed", &number, error] {
                assert!(line.contains(part), "{part} in {line}");
            }
        }
        assert!(lines[2].contains("INFO") && lines[2].contains("service=feed"));
        assert!(!log.lines().iter().any(|line| line.contains("ERROR")));
    }
}
