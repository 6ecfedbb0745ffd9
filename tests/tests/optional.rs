//! Services that may be left out: `Option`, rules 5, 13 and 14.
//!
//! The kind of fault this is about: a feature that the configuration turns off was registered as a service that does
//! nothing, showed as running, and was waited for; or what needed it was started without it. To it belong `None` of every
//! shape, in an `Arc` and in a decorator, what wants it and what needs it, readiness, the end, the outcome, and calls by
//! its name.

use std::sync::Arc;

use lifecycle::{
    Context, OnFailure, Reason, Registry, Result, Service, State, TriggerError, async_trait,
    registry,
};
use lifecycle_tests::{
    IdleScript, Journal, Log, Moves, OneshotScript, ScheduledScript, WorkerScript, fails, secs,
    start, state_of, states, takes,
};
use tokio::time::sleep;

/// A script's service, or its absence.
fn none(script: IdleScript) -> Option<IdleScript> {
    drop(script);
    None
}

#[tokio::test(start_paused = true)]
async fn what_is_none_is_disabled_and_healthy() {
    let journal = Journal::new();
    let registry = registry! {
        "cache" => none(journal.script().idle()),
        "store" => Some(journal.script().startup(takes(secs(1))).idle()),
    };
    assert_eq!(state_of(&registry.handle(), "cache"), State::New);
    let moves = Moves::watch(&registry.handle());
    let running = start(registry);
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert_eq!(states(&handle), ["cache: disabled", "store: running"]);
    assert!(handle.is_healthy());
    assert!(
        handle
            .states()
            .iter()
            .all(lifecycle::ServiceStatus::is_healthy)
    );
    assert_eq!(journal.now(), secs(1));

    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    assert!(
        outcome
            .to_string()
            .contains("2 services: 1 stopped, 0 failed, 0 late, 1 disabled"),
        "{outcome}"
    );
    assert_eq!(moves.of("cache").await, [State::Disabled]);
    assert!(State::Disabled.is_final());
}

/// Those of every shape, and what holds them.
#[tokio::test(start_paused = true)]
async fn an_option_is_what_is_in_it() {
    let journal = Journal::new();
    let held: Box<dyn Service> = Box::new(Some(Arc::new(
        journal.script().run(takes(secs(3))).oneshot(),
    )));
    let running = start(registry! {
        "idle" => Some(journal.script().idle()),
        "tick" => Some(journal.script().scheduled(secs(2))),
        "once" => held,
        "next" => Some(Some(journal.script().idle())), after = ["once"],
        "custom" => Some(journal.script().custom()),
        "no-idle" => None::<IdleScript>,
        "no-tick" => None::<ScheduledScript>,
        "no-work" => Arc::new(None::<WorkerScript>),
        "no-once" => Some(None::<OneshotScript>),
        "no-any" => None::<Box<dyn Service>>,
    });
    running.await_healthy().await.unwrap();
    let handle = running.handle();
    assert_eq!(journal.at("next: startup"), secs(3));
    assert_eq!(state_of(&handle, "once"), State::Stopped);
    handle.trigger("tick").await.unwrap();
    for status in handle.states() {
        let is_none = status.name.starts_with("no-");
        assert_eq!(status.state == State::Disabled, is_none, "{status:?}");
    }
    assert_eq!(running.stop().await.exit_code(), 0);
    assert_eq!(journal.count("idle: drain done"), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_wants_a_disabled_one_starts_at_once() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().startup(takes(secs(1))).idle(),
        "api" => journal.script().idle(), after = ["store"], wants = ["cache", "sdk"],
        "page" => journal.script().idle(), wants = ["cache"],
        "cache" => none(journal.script().idle()), after = ["store"],
        "sdk" => none(journal.script().idle()), before = all,
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("page: startup"), secs(0));
    assert_eq!(journal.at("api: startup"), secs(1));
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.now(), secs(1));
}

/// Nothing is started, and every such need is told.
#[tokio::test(start_paused = true)]
async fn one_that_needs_a_disabled_one_makes_no_registry() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => none(journal.script().idle()),
        "store" => journal.script().idle(),
        "api" => journal.script().idle(), after = ["store", "cache"],
        "jobs" => none(journal.script().idle()), after = ["cache"],
        "push" => journal.script().idle(), after = ["cache"], on_failure = ignore,
    });
    let error = running.await_healthy().await.unwrap_err().to_string();
    let told: Vec<_> = error.lines().collect();
    assert_eq!(
        told,
        [
            "`api` depends on `cache`, which is disabled (help: name `cache` in the `wants` of `api` if it can do without, or disable `api` too)",
            "`push` depends on `cache`, which is disabled (help: name `cache` in the `wants` of `push` if it can do without, or disable `push` too)",
        ]
    );
    let outcome = running.stop().await;
    assert!(matches!(outcome.reason(), Reason::NotStarted(_)));
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(journal.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_builder_takes_options_and_boxes() {
    let journal = Journal::new();
    let mut builder = Registry::builder();
    for index in 0..4 {
        let script = journal.script();
        let service: Box<dyn Service> = if index < 2 {
            Box::new(script.idle())
        } else {
            Box::new(script.run(takes(secs(1))).oneshot())
        };
        builder = builder
            .service(format!("s{index}"), (index % 2 == 0).then_some(service))
            .on_failure(OnFailure::Ignore);
    }
    let running = start(builder.build().unwrap());
    running.await_healthy().await.unwrap();
    sleep(secs(2)).await;
    assert_eq!(
        states(&running.handle()),
        ["s0: running", "s1: disabled", "s2: stopped", "s3: disabled"]
    );
}

#[tokio::test(start_paused = true)]
async fn where_all_that_is_not_disabled_has_finished_all_has() {
    let journal = Journal::new();
    let running = start(registry! {
        "migrate" => journal.script().run(takes(secs(2))).oneshot(),
        "api" => none(journal.script().idle()),
    });
    assert!(matches!(running.wait().await, Reason::Finished));
    assert_eq!(journal.now(), secs(2));
    running.await_healthy().await.unwrap();
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_all_is_disabled_there_is_nothing_to_do() {
    let running = start(registry! { "api" => None::<IdleScript> });
    assert!(matches!(running.wait().await, Reason::Finished));
    running.await_healthy().await.unwrap();
    assert_eq!(state_of(&running.handle(), "api"), State::Disabled);
    assert_eq!(running.stop().await.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_one_stays_so_in_an_application_that_fails() {
    let journal = Journal::new();
    let running = start(registry! {
        "store" => journal.script().run(takes(secs(1)).then(fails("gone"))).worker(),
        "cache" => none(journal.script().idle()),
    });
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.services()[1].state, State::Disabled);
    assert!(outcome.services()[1].error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_start_changes_nothing_about_it() {
    let journal = Journal::new();
    let registry = registry! {
        "cache" => none(journal.script().idle()),
        "api" => journal.script().idle(),
    };
    registry.handle().shutdown();
    let outcome = start(registry).stop().await;
    let states: Vec<_> = outcome
        .services()
        .iter()
        .map(|status| status.state)
        .collect();
    assert_eq!(states, [State::Disabled, State::Stopped]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_of_a_disabled_one_is_an_error_that_says_so() {
    let journal = Journal::new();
    let running = start(registry! {
        "gc" => None::<ScheduledScript>,
        "api" => journal.script().idle(),
    });
    // At once, before anything has moved.
    let error = running.handle().trigger("gc").await.unwrap_err();
    assert!(matches!(&error, TriggerError::Disabled(name) if *name == *"gc"));
    assert_eq!(
        error.to_string(),
        "service `gc` is disabled: there is nothing to run"
    );
}

#[tokio::test(start_paused = true)]
async fn the_log_says_what_is_disabled() {
    let log = Log::open();
    let running = start(registry! {
        "cache" => None::<IdleScript>,
        "api" => Journal::new().script().idle(),
    });
    running.await_healthy().await.unwrap();
    let _ = log.place(&["INFO", "disabled", "cache"]);
}

/// What no library knows before the start.
struct Logged<S>(S, Journal);

#[async_trait]
impl<S: Service> Service for Logged<S> {
    async fn start(&self, cx: &Context) -> Result {
        self.1.note("start");
        self.0.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        let stopped = self.0.stop(cx).await;
        self.1.note("stopped");
        stopped
    }
}

#[tokio::test(start_paused = true)]
async fn a_none_in_a_decorator_is_up_and_does_nothing() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => Logged(None::<IdleScript>, journal.clone()),
        "api" => journal.script().idle(), after = ["cache"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(
        states(&running.handle()),
        ["cache: running", "api: running"]
    );
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.count("stopped"), 1);
}
