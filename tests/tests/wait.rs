//! What ends the wait: rule 15. Signals are in `process.rs`, where they can be sent.

use lifecycle::{Reason, Registry, registry};
use lifecycle_tests::{Journal, fails, panics, secs, shuts_down, start, takes, until_stopped};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn wait_returns_on_the_first_failure() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(takes(secs(9)).then(fails("second"))).worker(),
        "b" => journal.script().run(takes(secs(4)).then(fails("first"))).worker(),
    });
    let reason = running.wait().await;
    assert_eq!(journal.now(), secs(4));
    assert!(matches!(&reason, Reason::Failure(error) if error.service() == "b"));
    assert_eq!(reason.to_string(), "service `b` failed in run: first");
    let outcome = running.stop().await;
    assert_eq!(outcome.reason().to_string(), reason.to_string());
}

#[tokio::test(start_paused = true)]
async fn wait_goes_on_when_a_service_under_ignore_fails() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(takes(secs(1)).then(fails("no"))).worker(), on_failure = ignore,
        "b" => journal.script().run(takes(secs(8)).then(shuts_down()).then(until_stopped())).worker(),
    });
    let reason = running.wait().await;
    assert_eq!(journal.now(), secs(8));
    assert!(matches!(reason, Reason::Requested));
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn wait_returns_on_shutdown_from_a_handle() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().idle(), });
    let handle = running.handle();
    tokio::spawn(async move {
        sleep(secs(3)).await;
        handle.shutdown();
    });
    assert!(matches!(running.wait().await, Reason::Requested));
    assert_eq!(journal.now(), secs(3));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_made_before_anyone_waits_is_not_lost() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().idle(), });
    let handle = running.handle();
    handle.shutdown();
    sleep(secs(10)).await;
    assert!(matches!(running.wait().await, Reason::Requested));
    assert!(
        matches!(running.wait().await, Reason::Requested),
        "and again"
    );
    assert!(
        matches!(handle.wait().await, Reason::Requested),
        "from anywhere"
    );
    assert_eq!(journal.now(), secs(10));
    running.stop().await.into_result().unwrap();
    assert!(matches!(handle.wait().await, Reason::Requested), "for ever");
}

#[tokio::test(start_paused = true)]
async fn wait_returns_when_a_service_asks_for_shutdown() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(shuts_down()).idle(),
        "b" => journal.script().idle(), after = ["a"],
    });
    assert!(matches!(running.wait().await, Reason::Requested));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert_eq!(journal.of("b"), [""; 0]);
    assert_eq!(
        journal.count("a: startup done"),
        journal.count("a: drain done")
    );
}

#[tokio::test(start_paused = true)]
async fn wait_returns_when_stop_on_resolves() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().idle(), }.stop_on(sleep(secs(6))));
    assert!(matches!(running.wait().await, Reason::External));
    assert_eq!(journal.now(), secs(6));
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::External));
    assert_eq!(outcome.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_on_that_has_resolved_before_the_start_counts() {
    let journal = Journal::new();
    let running =
        start(registry! { "a" => journal.script().idle(), }.stop_on(std::future::ready(42)));
    assert!(matches!(running.wait().await, Reason::External));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_on_that_never_resolves_is_dropped_with_the_run() {
    let journal = Journal::new();
    let (alive, mut dropped) = tokio::sync::oneshot::channel::<()>();
    let token = async move {
        std::future::pending::<()>().await;
        drop(alive);
    };
    let running = start(registry! { "a" => journal.script().idle(), }.stop_on(token));
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert!(
        dropped
            .try_recv()
            .is_err_and(|why| { why == tokio::sync::oneshot::error::TryRecvError::Closed })
    );
}

#[tokio::test(start_paused = true)]
async fn wait_returns_when_every_service_has_finished() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(takes(secs(3))).oneshot(),
        "seed" => journal.script().run(takes(secs(2))).oneshot(), after = ["migration"],
    });
    assert!(matches!(running.wait().await, Reason::Finished));
    assert_eq!(journal.now(), secs(5));
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn wait_returns_when_the_last_service_under_ignore_has_failed() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(takes(secs(1)).then(fails("no"))).drain(takes(secs(2))).worker(), on_failure = ignore,
        "b" => journal.script().startup(panics("no")).idle(), on_failure = ignore,
        "c" => journal.script().idle(), after = ["b"], on_failure = ignore,
    });
    assert!(matches!(running.wait().await, Reason::Finished));
    assert_eq!(journal.now(), secs(3), "once the last has drained");
    assert!(!running.handle().is_healthy(), "it stops");
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_registry_of_oneshots_becomes_healthy_though_it_has_finished() {
    let journal = Journal::new();
    let running = start(registry! {
        "migration" => journal.script().run(takes(secs(3))).oneshot(),
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_the_first_reason_counts() {
    let journal = Journal::new();
    let running = start(
        registry! {
            "a" => journal.script().run(until_stopped().then(fails("late"))).worker(),
        }
        .stop_on(sleep(secs(2))),
    );
    running.await_healthy().await.unwrap();
    running.handle().shutdown();
    sleep(secs(5)).await;
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::Requested));
}

#[tokio::test(start_paused = true)]
async fn dropping_running_stops_the_services_in_the_background() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().drain(takes(secs(2))).idle(),
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    drop(running);
    assert!(!handle.is_healthy());
    assert!(matches!(handle.wait().await, Reason::Dropped));
    sleep(secs(3)).await;
    assert_eq!(journal.at("a: drain done"), secs(2));
}

#[tokio::test(start_paused = true)]
async fn run_is_start_wait_and_stop_in_one() {
    let journal = Journal::new();
    let outcome = registry! {
        "store" => journal.script().idle(),
        "api" => journal.script().run(takes(secs(4)).then(shuts_down()).then(until_stopped())).worker(), after = ["store"],
    }
    .signals(false)
    .run()
    .await;
    assert_eq!(outcome.exit_code(), 0);
    assert!(matches!(outcome.reason(), Reason::Requested));
    journal.assert_order(&[
        "store: startup",
        "api: startup",
        "api: drain",
        "store: drain",
    ]);
    assert_eq!(journal.now(), secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_may_be_called_again() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().idle(), });
    for _ in 0..3 {
        let waited = tokio::time::timeout(secs(1), running.wait()).await;
        assert!(waited.is_err());
    }
    running.handle().shutdown();
    assert!(matches!(running.wait().await, Reason::Requested));
    running.stop().await.into_result().unwrap();
}

#[test]
fn a_start_outside_a_runtime_is_refused_with_words() {
    let journal = Journal::new();
    let running = start(registry! { "a" => journal.script().idle(), });
    let runtime = tokio::runtime::Builder::new_current_thread();
    let outcome = { runtime }.build().unwrap().block_on(async {
        assert!(running.await_healthy().await.is_err());
        assert!(matches!(running.wait().await, Reason::NotStarted(_)));
        running.stop().await
    });
    assert_eq!(outcome.exit_code(), 1);
    assert!(outcome.to_string().contains("tokio runtime"), "{outcome}");
    assert_eq!(journal.all(), [""; 0]);
}

#[test]
fn a_runtime_without_a_timer_is_refused_with_words() {
    let journal = Journal::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let outcome = runtime.unwrap().block_on(async {
        let registry = registry! { "a" => journal.script().idle() };
        registry.signals(false).run().await
    });
    assert_eq!(outcome.exit_code(), 1);
    assert!(outcome.to_string().contains("enable_time"), "{outcome}");
    assert_eq!(journal.all(), [""; 0]);
}

#[test]
fn it_runs_inside_a_multi_thread_runtime_and_from_a_spawned_task() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        let journal = Journal::new();
        let registry = Registry::builder()
            .service(
                "a",
                journal
                    .script()
                    .run(shuts_down().then(until_stopped()))
                    .worker(),
            )
            .build()
            .unwrap();
        tokio::spawn(registry.signals(false).run()).await.unwrap()
    });
    outcome.into_result().unwrap();
}
