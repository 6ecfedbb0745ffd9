//! What is logged, and under which name.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lifecycle::{Context, Result, Service, async_trait, registry};
use lifecycle_tests::{Journal, Log, degrades, fails, hangs, nothing, secs, start, takes};
use tokio::time::sleep;

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
