//! Orders, where control is on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use lifecycle::{Reason, registry};
use lifecycle_ops::Ops;

use crate::client::{post, steered};
use crate::services::{Fragile, Plain, Reloading, Ticking, stopped};

#[tokio::test(start_paused = true)]
async fn a_tick_is_triggered_and_its_failure_told() {
    let ticking = Ticking::default();
    let registry = registry! { "plain" => Plain, "gc" => ticking, }.signals(false);
    let ops = steered(Ops::service(registry.handle()));
    let told = async |path: &str| {
        let answer = post(&ops, path).await;
        (answer.status.as_u16(), answer.text)
    };
    let early = told("/services/gc/trigger").await;
    assert_eq!(early.0, 409);
    assert!(early.1.contains("has not been started"), "{}", early.1);
    let running = registry.start();
    running.await_healthy().await.unwrap();
    for _ in 0..2 {
        assert_eq!(told("/services/gc/trigger").await, (200, "ok\n".to_owned()));
    }
    let failed = told("/services/gc/trigger").await;
    assert_eq!(failed, (409, "the tick failed: the third\n".to_owned()));
    assert_eq!(told("/services/plain/trigger").await.0, 409);
    let unknown = (404, "no service `none`\n".to_owned());
    assert_eq!(told("/services/none/trigger").await, unknown);
    assert_eq!(told("/services/gc/explode").await.0, 405);
    assert_eq!(told("/services/gc").await.0, 405);
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_does_not_wait_for_a_tick_that_takes_long() {
    let ticking = Ticking {
        takes: Duration::from_secs(15),
        ..Ticking::default()
    };
    let ticks = ticking.ticks.clone();
    let registry = registry! { "gc" => ticking }.signals(false);
    let ops = steered(Ops::service(registry.handle()));
    let running = registry.start();
    running.await_healthy().await.unwrap();
    let answer = post(&ops, "/services/gc/trigger").await;
    assert_eq!(answer.status, 202);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ticks.load(Ordering::Relaxed), 1, "it goes on");
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_is_paused_and_resumed() {
    let ticking = Ticking::default();
    let ticks = ticking.ticks.clone();
    let registry = registry! { "plain" => Plain, "gc" => ticking, }.signals(false);
    let ops = steered(Ops::service(registry.handle()));
    let running = registry.start();
    running.await_healthy().await.unwrap();
    for _ in 0..2 {
        assert_eq!(post(&ops, "/services/gc/pause").await.status, 200);
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(ticks.load(Ordering::Relaxed), 0);
    let page = crate::client::get(&ops, "/").await.text;
    assert!(
        page.contains("<td data-label=\"next\">paused</td>"),
        "{page}"
    );
    assert!(page.contains("/services/gc/resume"));
    assert_eq!(post(&ops, "/services/gc/resume").await.status, 200);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(ticks.load(Ordering::Relaxed) > 0);
    assert_eq!(post(&ops, "/services/plain/pause").await.status, 409);
    assert_eq!(post(&ops, "/services/none/pause").await.status, 404);
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_is_restarted_and_one_that_can_not_be_is_told_why() {
    let fragile = Fragile::default();
    let registry = registry! { "plain" => Plain, "feed" => fragile, }.signals(false);
    let ops = steered(Ops::service(registry.handle()));
    assert_eq!(
        post(&ops, "/services/feed/restart").await.status,
        409,
        "not started yet"
    );
    let running = registry.start();
    running.await_healthy().await.unwrap();
    assert_eq!(post(&ops, "/services/feed/restart").await.status, 200);
    assert_eq!(running.handle().status("feed").unwrap().restarts, 1);
    assert_eq!(post(&ops, "/services/none/restart").await.status, 404);
    stopped(running).await;
    assert_eq!(
        post(&ops, "/services/feed/restart").await.status,
        409,
        "it has ended"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reload_reaches_the_services_and_its_failure_is_told() {
    let reloading = Reloading::default();
    let (reloads, fails) = (reloading.reloads.clone(), reloading.fails.clone());
    let registry = registry! { "config" => reloading }.signals(false);
    let ops = steered(Ops::service(registry.handle()));
    assert_eq!(post(&ops, "/reload").await.status, 409, "not started yet");
    let running = registry.start();
    running.await_healthy().await.unwrap();
    assert_eq!(post(&ops, "/reload").await.status, 200);
    fails.store(true, Ordering::Relaxed);
    let failed = post(&ops, "/reload").await;
    assert_eq!(failed.status, 409);
    assert!(failed.text.contains("line 3 is wrong"), "{}", failed.text);
    assert_eq!(reloads.load(Ordering::Relaxed), 2);
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_is_a_request_to_stop() {
    let registry = registry! { "plain" => Plain }.signals(false);
    let ops = steered(Ops::service(registry.handle()));
    let running = registry.start();
    assert_eq!(post(&ops, "/shutdown").await.status, 202);
    assert!(matches!(running.wait().await, Reason::Requested));
    stopped(running).await;
}
