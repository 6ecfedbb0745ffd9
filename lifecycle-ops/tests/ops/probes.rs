//! Liveness, start, readiness: during the start, the run and the drain.

use std::time::Duration;

use http::Method;
use lifecycle::registry;
use lifecycle_ops::Ops;
use serde_json::{Value, json};

use crate::client::{get, request, send};
use crate::services::{Fragile, Plain, Slow, stopped};

async fn line(service: &lifecycle_ops::OpsService, path: &str) -> (u16, String) {
    let answer = get(service, path).await;
    (answer.status.as_u16(), answer.text)
}

fn said(status: u16, text: &str) -> (u16, String) {
    (status, format!("{text}\n"))
}

#[tokio::test(start_paused = true)]
async fn readiness_names_what_is_missing_and_liveness_holds_all_the_time() {
    let slow = Slow {
        drain: Duration::from_secs(3),
        ..Slow::default()
    };
    let go = slow.go.clone();
    let registry =
        registry! { "store" => Plain, "slow" => slow, after = ["store"], }.signals(false);
    let ops = Ops::service(registry.handle());
    assert_eq!(line(&ops, "/livez").await, said(200, "ok"));
    assert_eq!(
        line(&ops, "/readyz").await,
        said(503, "not ready: store, slow")
    );

    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for probe in ["/readyz", "/startupz"] {
        assert_eq!(line(&ops, probe).await, said(503, "not ready: slow"));
    }
    assert_eq!(line(&ops, "/readyz/store").await, said(200, "ok"));
    assert_eq!(
        line(&ops, "/readyz/slow").await,
        said(503, "not ready: slow")
    );
    assert_eq!(line(&ops, "/readyz/no").await, said(404, "no service `no`"));
    assert_eq!(line(&ops, "/readyz?exclude=slow").await, said(200, "ok"));

    go.notify_one();
    running.await_healthy().await.unwrap();
    for probe in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(line(&ops, probe).await, said(200, "ok"));
    }

    let stop = tokio::spawn(stopped(running));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(line(&ops, "/livez").await, said(200, "ok"), "it drains");
    assert_eq!(line(&ops, "/startupz").await, said(200, "ok"));
    for path in ["/readyz", "/readyz?exclude=slow"] {
        assert_eq!(line(&ops, path).await, said(503, "not ready: stopping"));
    }
    assert_eq!(
        line(&ops, "/readyz/store").await,
        said(503, "not ready: store")
    );
    stop.await.unwrap();
    assert_eq!(
        line(&ops, "/readyz").await,
        said(503, "not ready: stopping")
    );
}

#[tokio::test(start_paused = true)]
async fn verbose_has_a_line_for_each_service_and_no_error() {
    let fragile = Fragile::default();
    let fail = fragile.fail.clone();
    let registry = registry! { "a" => Plain, "b" => fragile, on_failure = ignore, }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    running.await_healthy().await.unwrap();
    assert_eq!(
        line(&ops, "/readyz?verbose").await,
        said(200, "[+]a ok\n[+]b ok (ignored)\nreadyz check passed")
    );
    fail.notify_one();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let lines = said(200, "[+]a ok\n[-]b failed (ignored)\nreadyz check passed");
    assert_eq!(line(&ops, "/readyz?verbose").await, lines);
    assert_eq!(
        line(&ops, "/readyz?verbose&exclude=b").await,
        said(200, "[+]a ok\nreadyz check passed")
    );
    assert_eq!(line(&ops, "/readyz").await, said(200, "ok"));
    let _ = running.stop().await;
    assert_eq!(
        line(&ops, "/readyz?verbose").await,
        said(
            503,
            "[-]a failed\n[-]b failed (ignored)\nreadyz check failed"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn health_lists_the_names_by_state() {
    let slow = Slow::default();
    let go = slow.go.clone();
    let registry = registry! { "a" => Plain, "slow" => slow, "b" => Plain, }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let parsed = async || {
        let answer = get(&ops, "/healthz").await;
        let json: Value = serde_json::from_str(&answer.text).unwrap();
        (answer.status.as_u16(), json)
    };
    let services = json!({ "running": ["a", "b"], "starting": ["slow"] });
    assert_eq!(
        parsed().await,
        (503, json!({ "healthy": false, "services": services }))
    );
    go.notify_one();
    running.await_healthy().await.unwrap();
    let services = json!({ "running": ["a", "slow", "b"] });
    assert_eq!(
        parsed().await,
        (200, json!({ "healthy": true, "services": services }))
    );
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_does_not_answer_within_a_second_is_not_alive() {
    let registry = registry! { "a" => Plain }.signals(false);
    let ops = Ops::service(registry.handle());
    // A runtime of its own, which nobody drives after the start.
    let elsewhere = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let guard = elsewhere.enter();
    let running = registry.start();
    drop(guard);
    let asked = tokio::time::Instant::now();
    let (status, text) = line(&ops, "/livez").await;
    assert_eq!((status, text), said(503, "the supervisor does not answer"));
    assert_eq!(asked.elapsed(), Duration::from_secs(1));
    drop(running);
    elsewhere.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn probes_are_answered_for_every_host_and_only_read() {
    let registry = registry! { "a" => Plain };
    let ops = Ops::service(registry.handle());
    let foreign = request(&Method::GET, "/livez").header("host", "10.0.0.7:8080");
    assert_eq!(send(&ops, foreign.body(()).unwrap()).await.status, 200);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = send(&ops, request(&method, "/readyz").body(()).unwrap()).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.headers["allow"], "GET, HEAD");
    }
}
