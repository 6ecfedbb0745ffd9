//! Hand-written services: section 2 and the rules as they apply to them.

use std::sync::Arc;

use lifecycle::{
    Context, Fault, Phase, Registry, Result, Service, Shape, State, async_trait, registry,
};
use lifecycle_tests::{
    Act, Hook, Journal, Moves, fails, hangs, nothing, panics, secs, spawns, start, state_of, takes,
    until_stopped, yields,
};
use tokio::time::sleep;

fn ready() -> Hook {
    Act::Ready.into()
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_it_says_so_and_dependents_start_then() {
    let journal = Journal::new();
    let running = start(registry! {
        "listener" => journal.script().run(takes(secs(4)).then(ready()).then(until_stopped())).custom(),
        "api" => journal.script().idle(), after = ["listener"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.at("api: startup"), secs(4));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_stops_by_its_channel_then_stop_and_drains_after_exited() {
    let journal = Journal::new();
    let running = start(registry! {
        "listener" => journal.script().run(ready().then(until_stopped()).then(takes(secs(2)))).drain(takes(secs(1))).custom(),
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.timed(),
        [
            "0ns listener: start",
            "0ns listener: stop",
            "2s listener: start done",
            "3s listener: stop done",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_ready_runs_into_its_start_timeout() {
    let journal = Journal::new();
    let running = start(registry! {
        "listener" => journal.script().run(until_stopped()).custom(), start_timeout = secs(6),
    });
    let error = running.await_healthy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `listener` was not ready within 6s (`start_timeout`): its `start` has not called `cx.ready()`"
    );
    running.stop().await.into_result().unwrap_err();
    assert_eq!(
        journal.of("listener"),
        ["start", "start dropped", "stop", "stop done"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_ready_under_ignore_fails_and_is_not_late() {
    let journal = Journal::new();
    let running = start(registry! {
        "listener" => journal.script().run(hangs()).custom(), start_timeout = secs(6), on_failure = ignore,
        "api" => journal.script().idle(),
    });
    sleep(secs(10)).await;
    assert_eq!(state_of(&running.handle(), "listener"), State::Failed);
    assert_eq!(journal.at("listener: start dropped"), secs(6));
    let outcome = running.stop().await;
    assert!(outcome.laggards().is_empty(), "{outcome}");
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn returning_before_it_was_ready_is_a_failure_that_says_what_to_call() {
    let journal = Journal::new();
    let running = start(registry! {
        "listener" => journal.script().run(takes(secs(1))).custom(),
    });
    let reason = running.wait().await.to_string();
    assert!(
        reason.contains("`listener` returned before it was ready"),
        "{reason}"
    );
    assert!(reason.contains("cx.ready()"), "{reason}");
    let outcome = running.stop().await;
    assert!(matches!(outcome.failures()[0].fault(), Fault::NeverReady));
}

#[tokio::test(start_paused = true)]
async fn returning_after_ready_is_the_failure_exited_early() {
    let journal = Journal::new();
    let running = start(registry! {
        "listener" => journal.script().run(ready().then(takes(secs(1)))).custom(),
    });
    running.wait().await;
    let outcome = running.stop().await;
    assert!(matches!(outcome.failures()[0].fault(), Fault::ExitedEarly));
    assert_eq!(outcome.failures()[0].phase(), Phase::Run);
}

#[tokio::test(start_paused = true)]
async fn ready_and_then_an_immediate_end_never_shows_as_running() {
    for end in [fails("no"), panics("no"), nothing()] {
        let journal = Journal::new();
        let running = start(registry! {
            "a" => journal.script().run(ready().then(end)).custom(),
            "b" => journal.script().idle(), after = ["a"],
        });
        let moves = Moves::watch(&running.handle());
        running.wait().await;
        running.stop().await.into_result().unwrap_err();
        assert_eq!(
            moves.of("a").await,
            [State::Waiting, State::Starting, State::Failed]
        );
        assert_eq!(journal.of("b"), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn saying_ready_again_changes_nothing() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(ready().then(ready()).then(yields()).then(ready()).then(until_stopped()).then(ready())).custom(),
    });
    let moves = Moves::watch(&running.handle());
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(
        moves.of("a").await,
        [
            State::Waiting,
            State::Starting,
            State::Running,
            State::Stopping,
            State::Stopped
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn stop_is_called_once_whether_or_not_start_failed() {
    let journal = Journal::new();
    let running = start(registry! {
        "good" => journal.script().custom(),
        "failing" => journal.script().run(fails("no")).custom(), after = ["good"],
        "unborn" => journal.script().custom(), after = ["failing"],
    });
    running.wait().await;
    running.stop().await.into_result().unwrap_err();
    assert_eq!(
        journal.of("failing"),
        ["start", "start failed", "stop", "stop done"]
    );
    assert_eq!(
        journal.of("good"),
        ["start", "start done", "stop", "stop done"]
    );
    assert_eq!(journal.of("unborn"), [""; 0], "its start was never called");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_returns_at_once_does_not_end_a_start_that_goes_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(ready().then(until_stopped()).then(takes(secs(3)))).custom().stop(nothing()),
        "b" => journal.script().drain(takes(secs(1))).idle(), after = ["a"],
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("a: stop done"), secs(1));
    assert_eq!(journal.at("a: start done"), secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_is_dropped_at_three_quarters_and_stop_goes_on() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(ready().then(hangs())).drain(takes(secs(1))).custom(), stop_timeout = secs(8),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("a: start dropped"), secs(6));
    assert_eq!(journal.at("a: stop done"), secs(7));
    let laggard = &outcome.laggards()[0];
    assert_eq!((laggard.phase, laggard.had), (Phase::Run, secs(6)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_hangs_is_dropped_when_the_time_is_over() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().custom().stop(hangs()), stop_timeout = secs(8),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(journal.at("a: start done"), secs(0));
    assert_eq!(journal.at("a: stop dropped"), secs(8));
    assert_eq!(outcome.laggards()[0].phase, Phase::Drain);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_not_ready_yet_is_asked_to_stop_like_any_other() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(takes(secs(4))).custom(),
    });
    sleep(secs(1)).await;
    let outcome = running.stop().await;
    assert_eq!(
        journal.timed(),
        [
            "0ns a: start",
            "1s a: stop",
            "4s a: start done",
            "4s a: stop done"
        ]
    );
    assert_eq!(
        outcome.exit_code(),
        0,
        "it was asked: returning is no failure. {outcome}"
    );
}

#[tokio::test(start_paused = true)]
async fn exited_waits_for_spawned_tasks_too() {
    let journal = Journal::new();
    let task = until_stopped().then(takes(secs(3)));
    let running = start(registry! {
        "a" => journal.script().run(spawns(task).then(ready()).then(until_stopped())).custom(),
    });
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.at("a: start done"), secs(0));
    assert_eq!(journal.at("a: stop done"), secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_stop_is_its_failure_and_start_is_still_waited_for() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().run(ready().then(until_stopped()).then(takes(secs(2)))).custom().stop(panics("oops")),
    });
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(
        outcome.failures()[0].to_string(),
        "service `a` panicked in drain: oops"
    );
    assert_eq!(journal.at("a: start done"), secs(2));
}

/// A provider that is a service too: the application calls it, the registry starts and stops it.
trait Tokenizer: Service {
    fn issue(&self) -> String;
}

struct Jwt {
    journal: Journal,
}

#[async_trait]
impl Service for Jwt {
    async fn start(&self, cx: &Context) -> Result {
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, cx: &Context) -> Result {
        cx.exited().await;
        self.journal.note(format!("{}: flushed", cx.name()));
        Ok(())
    }
}

impl Tokenizer for Jwt {
    fn issue(&self) -> String {
        "token".to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn an_arc_of_a_provider_is_a_service() {
    let journal = Journal::new();
    let concrete = Arc::new(Jwt {
        journal: journal.clone(),
    });
    let dynamic: Arc<dyn Tokenizer> = concrete.clone();
    let boxed: Arc<dyn Service> = concrete.clone();
    let running = start(registry! {
        "concrete" => concrete.clone(),
        "dynamic" => dynamic.clone(), after = ["concrete"],
        "plain" => boxed, after = ["dynamic"],
    });
    running.await_healthy().await.unwrap();
    assert_eq!(dynamic.issue(), "token");
    running.stop().await.into_result().unwrap();
    assert_eq!(
        journal.all(),
        ["plain: flushed", "dynamic: flushed", "concrete: flushed"]
    );
    assert_eq!(
        Arc::strong_count(&concrete),
        2,
        "the registry holds none any more"
    );
}

#[tokio::test(start_paused = true)]
async fn an_arc_of_a_shape_keeps_its_shape() {
    let journal = Journal::new();
    let migration = Arc::new(journal.script().oneshot());
    let registry = Registry::builder()
        .service("migration", migration.clone())
        .service("api", Arc::new(journal.script().scheduled(secs(5))))
        .after(["migration"])
        .build();
    let running = start(registry.unwrap());
    running.await_healthy().await.unwrap();
    let states = running.handle().states();
    assert_eq!(
        (states[0].shape, states[0].state),
        (Shape::Oneshot, State::Stopped)
    );
    assert_eq!(
        (states[1].shape, states[1].state),
        (Shape::Scheduled, State::Running)
    );
    running.stop().await.into_result().unwrap();
}
