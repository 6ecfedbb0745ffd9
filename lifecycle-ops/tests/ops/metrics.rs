//! Both text formats, and what Prometheus' own tool says of them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::Method;
use lifecycle::testing::InMemoryStore;
use lifecycle::{Leases, Running, registry};
use lifecycle_ops::{Ops, OpsService};

use crate::client::{Answer, get, request, send};
use crate::services::{Plain, Ticking, stopped};

async fn application() -> (OpsService, Running) {
    let registry = registry! {
        leases = InMemoryStore::new(),
        "store" => Plain,
        "report" => Plain, replicas = one,
        "gc" => Ticking { takes: Duration::from_millis(20), ..Ticking::default() },
    }
    .signals(false);
    let ops = Ops::service(registry.handle()).histogram();
    let running = registry.start();
    running.await_healthy().await.unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    (ops, running)
}

async fn open_metrics(ops: &OpsService) -> Answer {
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let asked = request(&Method::GET, "/metrics").header("accept", accept);
    send(ops, asked.body(()).unwrap()).await
}

fn has(text: &str, line: &str) {
    assert!(
        text.lines().any(|found| found == line),
        "no `{line}` in:\n{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn states_and_ticks_are_told_in_the_text_of_prometheus() {
    let (ops, running) = application().await;
    let answer = get(&ops, "/metrics").await;
    assert_eq!(
        answer.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for line in [
        "# TYPE lifecycle_ready gauge",
        "lifecycle_ready 1",
        "lifecycle_service_state{service=\"store\",state=\"running\"} 1",
        "lifecycle_service_state{service=\"store\",state=\"failed\"} 0",
        "lifecycle_service_degraded{service=\"gc\"} 1",
        "lifecycle_service_degraded{service=\"store\"} 0",
        "# TYPE lifecycle_service_restarts_total counter",
        "lifecycle_service_restarts_total{service=\"store\"} 0",
        "# TYPE lifecycle_ticks_total counter",
        "lifecycle_ticks_total{service=\"gc\",outcome=\"success\"} 2",
        "lifecycle_ticks_total{service=\"gc\",outcome=\"failure\"} 1",
        "# TYPE lifecycle_ticks_missed_total counter",
        "lifecycle_ticks_missed_total{service=\"gc\"} 0",
        "# TYPE lifecycle_tick_last_success_timestamp_seconds gauge",
        "lifecycle_tick_running{service=\"gc\"} 0",
        "lifecycle_service_start_duration_seconds{service=\"store\"} 0",
        concat!(
            "lifecycle_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
    ] {
        has(&answer.text, line);
    }
    assert!(!answer.text.contains("# EOF"));
    assert!(!answer.text.contains("lifecycle_queue"), "there is none");
    stopped(running).await;
    has(&get(&ops, "/metrics").await.text, "lifecycle_ready 0");
}

#[tokio::test(start_paused = true)]
async fn points_that_a_tick_has_overrun_are_told_as_missed() {
    let takes = Duration::from_secs(150);
    let registry = registry! { "gc" => Ticking { takes, ..Ticking::default() }, "plain" => Plain };
    let ops = Ops::service(registry.handle());
    let running = registry.signals(false).start();
    // From 60 to 210, over 120; the tick for 180 goes on until 360, over 240 and 300.
    tokio::time::sleep(Duration::from_secs(365)).await;
    let text = get(&ops, "/metrics").await.text;
    has(&text, "lifecycle_ticks_missed_total{service=\"gc\"} 3");
    assert_eq!(text.matches("lifecycle_ticks_missed_total{").count(), 1);
    has(
        &open_metrics(&ops).await.text,
        "# TYPE lifecycle_ticks_missed counter",
    );
    let json = get(&ops, "/schedules").await.text;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["missed"], 3);
    let json = get(&ops, "/services/gc").await.text;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ticks"]["missed"], 3);
    let page = get(&ops, "/").await.text;
    assert!(page.contains("2, 3 missed"), "{page}");
    assert!(page.contains("1 point skipped: a tick was still running"));
    assert!(page.contains("2 points skipped: a tick was still running"));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn open_metrics_are_given_to_those_who_prefer_them() {
    let (ops, running) = application().await;
    let answer = open_metrics(&ops).await;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.headers["content-type"], media);
    has(&answer.text, "# TYPE lifecycle_ticks counter");
    has(
        &answer.text,
        "lifecycle_ticks_total{service=\"gc\",outcome=\"success\"} 2",
    );
    has(&answer.text, "# TYPE lifecycle_build info");
    assert!(answer.text.ends_with("\n# EOF\n"));
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn how_long_ticks_take_is_counted_where_it_is_asked_for() {
    let (ops, running) = application().await;
    let text = get(&ops, "/metrics").await.text;
    for line in [
        "# TYPE lifecycle_tick_duration_seconds histogram",
        "lifecycle_tick_duration_seconds_bucket{service=\"gc\",le=\"0.01\"} 0",
        "lifecycle_tick_duration_seconds_bucket{service=\"gc\",le=\"0.05\"} 3",
        "lifecycle_tick_duration_seconds_bucket{service=\"gc\",le=\"+Inf\"} 3",
        "lifecycle_tick_duration_seconds_sum{service=\"gc\"} 0.06",
        "lifecycle_tick_duration_seconds_count{service=\"gc\"} 3",
    ] {
        has(&text, line);
    }
    stopped(running).await;
    let registry = registry! { "gc" => Ticking::default() }.signals(false);
    let ops = Ops::service(registry.handle());
    let running = registry.start();
    tokio::time::sleep(Duration::from_secs(200)).await;
    let text = get(&ops, "/metrics").await.text;
    assert!(!text.contains("duration_seconds_bucket"), "it was not");
    stopped(running).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_held_with_its_token_or_not() {
    let store = InMemoryStore::new();
    let term = Duration::from_hours(1);
    for token in 1..=2 {
        let other = store.take("taken", "another", term).await.unwrap().unwrap();
        let registry = registry! {
            leases = store.clone(),
            "taken" => Plain, replicas = one,
            "mine" => Plain, replicas = one,
            "plain" => Plain,
        }
        .signals(false);
        let ops = Ops::service(registry.handle());
        let running = registry.start();
        running.await_healthy().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let text = get(&ops, "/metrics").await.text;
        for line in [
            "# TYPE lifecycle_lease_held gauge",
            "lifecycle_lease_held{service=\"taken\"} 0",
            "lifecycle_lease_held{service=\"mine\"} 1",
            "lifecycle_service_state{service=\"taken\",state=\"standby\"} 1",
            &format!("lifecycle_lease_token{{service=\"mine\"}} {token}"),
        ] {
            has(&text, line);
        }
        assert!(
            !text.contains("lifecycle_lease_token{service=\"taken\"}"),
            "{text}"
        );
        assert!(
            !text.contains("lifecycle_lease_held{service=\"plain\"}"),
            "{text}"
        );
        stopped(running).await;
        store.give_back(&other).await.unwrap();
    }
}

/// Only where Prometheus is installed, as it is where `.ci/run` has run.
#[tokio::test(start_paused = true)]
async fn the_linter_of_prometheus_has_nothing_to_say() {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        return;
    };
    let (ops, running) = application().await;
    let answer = get(&ops, "/metrics").await;
    stopped(running).await;
    let mut stdin = tool.stdin.take().unwrap();
    stdin.write_all(answer.text.as_bytes()).unwrap();
    drop(stdin);
    let said = tool.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && text.is_empty(), "{text}");
}

/// Likewise.
#[test]
fn the_alerts_are_sound_and_go_off_on_what_they_are_for() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts");
    for words in [
        ["check", "rules", "lifecycle.yml"],
        ["test", "rules", "tests.yml"],
    ] {
        let tool = Command::new("promtool")
            .args(words)
            .current_dir(folder)
            .output();
        let Ok(said) = tool else {
            return;
        };
        let text = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{text}");
    }
}

/// Each metric that a rule names is told.
#[tokio::test(start_paused = true)]
async fn what_the_alerts_ask_for_is_told() {
    let rules = include_str!("../../alerts/lifecycle.yml");
    let (ops, running) = application().await;
    let told = get(&ops, "/metrics").await.text;
    let words = rules.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let names: Vec<&str> = words
        .filter(|word| word.starts_with("lifecycle_"))
        .collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(told.contains(&format!("# TYPE {name} ")), "{name}");
    }
    stopped(running).await;
}
