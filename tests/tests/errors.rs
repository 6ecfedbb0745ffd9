//! What errors say where nobody has asked for a sentence: a `main` that returns one prints its `Debug`, and so does `unwrap`.

use std::fmt::{Debug, Display};

use lifecycle::{
    Group, HealthError, Intake, OptionError, Registry, StartError, TriggerError, TrySendError,
    permanent, registry,
};
use lifecycle_tests::{Journal, fails, start};

/// Its `Debug` is its sentence.
#[track_caller]
fn prints(error: impl Debug + Display, sentence: &str) {
    assert_eq!(format!("{error:?}"), sentence);
    assert_eq!(format!("{error:#?}"), sentence);
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test(start_paused = true)]
async fn a_health_error_prints_a_sentence() {
    let journal = Journal::new();
    let failing =
        start(registry! { "store" => journal.script().startup(fails("disk full")).idle() });
    let error = failing.await_healthy().await.unwrap_err();
    prints(&error, "service `store` failed in startup: disk full");
    let HealthError::Service(error) = error else {
        unreachable!("{error}");
    };
    prints(&error, "service `store` failed in startup: disk full");
    assert_eq!(error.fault().kind(), "error");
    let reason = failing.wait().await;
    assert_eq!(reason.kind(), "failure");
    drop(failing.stop().await);

    let running = start(registry! { "store" => journal.script().idle() });
    running.handle().shutdown();
    let error = running.await_healthy().await.unwrap_err();
    prints(&error, "the application is stopping: stop requested");
    assert_eq!(running.wait().await.kind(), "requested");
    running.stop().await.into_result().unwrap();
}

#[test]
fn a_start_error_prints_a_sentence() {
    let sentence = "a registry starts inside a tokio runtime: call it under `#[tokio::main]` or `Runtime::block_on`";
    prints(StartError::NoRuntime, sentence);
    prints(
        HealthError::NotStarted(StartError::NoRuntime.into()),
        sentence,
    );
}

#[test]
fn a_registry_error_prints_each_problem_on_a_line() {
    let journal = Journal::new();
    let error = Registry::builder()
        .service("store", journal.script().idle())
        .after(["cache"])
        .service("store", journal.script().idle())
        .build()
        .unwrap_err();
    let lines: Vec<String> = error
        .problems()
        .iter()
        .map(|problem| format!("{problem} (help: {})", problem.help()))
        .collect();
    assert_eq!(lines.len(), 2);
    prints(&error, &lines.join("\n"));
    prints(StartError::Registry(error), &lines.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_trigger_prints_a_sentence() {
    let journal = Journal::new();
    let running = start(registry! { "store" => journal.script().idle() });
    let error = running.handle().trigger("cache").await.unwrap_err();
    prints(error, "no service is named `cache`");
    let error = running.handle().trigger("store").await.unwrap_err();
    prints(
        error,
        "service `store` is not scheduled: there is no tick to run",
    );
    prints(TriggerError::Stopped, "the service has stopped");
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_handle_refuses_prints_a_sentence() {
    let journal = Journal::new();
    let group = Group::<String>::new();
    let running = start(registry! {
        "store" => journal.script().idle(),
        "tenants" => group.clone(),
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    let error = handle.restart("cache").await.unwrap_err();
    prints(error, "no service is named `cache`");
    let error = handle.pause("store").unwrap_err();
    prints(error, "service `store` is not scheduled: it has no ticks");
    let long = group.add("x".repeat(129), journal.script().idle()).await;
    let error = long.unwrap_err();
    prints(&error, &error.to_string());

    handle.shutdown();
    let error = handle.reload().await.unwrap_err();
    prints(&error, &error.to_string());
    let reason = running.wait().await;
    prints(reason, "stop requested");
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unclean_stop_prints_its_report() {
    let journal = Journal::new();
    let failing =
        start(registry! { "store" => journal.script().startup(fails("disk full")).idle() });
    failing.wait().await;
    let error = failing.stop().await.into_result().unwrap_err();
    assert_eq!(format!("{error:?}"), error.outcome().to_string());
    assert!(format!("{error:?}").contains("service `store` failed in startup: disk full"));
}

#[test]
fn an_error_that_no_restart_can_mend_prints_as_what_was_marked() {
    let marked = permanent(TriggerError::Stopped);
    prints(&marked, "the service has stopped");
    let source =
        std::error::Error::source(&permanent("wrong password")).map(|mark| format!("{mark:?}"));
    assert_eq!(source.as_deref(), Some("no restart can mend it"));
}

#[test]
fn an_error_of_an_option_prints_a_sentence() {
    let error = OptionError::QueueInterval { field: "cfg.every" };
    prints(
        error,
        "the interval `cfg.every` is zero: a queue needs a positive one",
    );
}

#[test]
fn an_item_that_was_not_accepted_prints_a_sentence() {
    let intake = Intake::bounded(1);
    intake.try_send(1).unwrap();
    let error = intake.try_send(2).unwrap_err();
    assert!(matches!(error, TrySendError::Full(2)));
    prints(error, "the queue is full");
}
