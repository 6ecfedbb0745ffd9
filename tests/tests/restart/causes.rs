//! Rule 25: what is restarted, and what is final at once.

use std::time::Duration;

use lifecycle::{Context, Fault, Phase, Registry, Result, Scheduled, State, service};
use lifecycle_tests::{Act, Hook, Journal, hangs, millis, nothing, secs, spawns, start, takes};

use crate::runs::{
    CustomRuns, Runs, ServerRuns, after, alone, fails_after, policy, reaches, runs_on, started,
    status,
};

fn panics_after(time: Duration) -> Hook {
    after(time, Act::Panic("as scripted".to_owned()))
}

/// Fails once as told, and runs on after that. The error that it was restarted for.
async fn mended(first: Hook) -> String {
    lifecycle_tests::hush();
    let journal = Journal::new();
    let runs = Runs::new(&journal, [first, runs_on()]);
    let running = started(alone(runs.clone().worker(), policy())).await;
    let handle = running.handle();
    reaches(&handle, "feed", State::Backoff).await;
    assert!(!handle.is_healthy());
    running.await_healthy().await.unwrap();
    assert_eq!(runs.count(), 2);
    let shown = status(&handle, "feed");
    assert_eq!((shown.restarts, shown.restarts_in_a_row), (1, 1));
    assert!(shown.error.is_none() && shown.next_start.is_none());
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(outcome.failures().is_empty(), "{outcome}");
    shown.last_error.unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_returns_an_error_is_restarted() {
    assert_eq!(
        mended(fails_after(secs(1))).await,
        "service `feed` failed in run: disk full"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_returns_too_early_is_restarted() {
    let error = mended(takes(secs(1))).await;
    assert_eq!(
        error,
        "service `feed` exited early: it returned before it was asked to stop"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_is_restarted() {
    let error = mended(panics_after(secs(1))).await;
    assert_eq!(error, "service `feed` panicked in run: as scripted");
}

#[tokio::test(start_paused = true)]
async fn an_owned_task_that_fails_or_panics_has_its_service_restarted() {
    let error = mended(spawns(fails_after(secs(1))).then(runs_on())).await;
    assert_eq!(error, "service `feed` failed in task: disk full");
    let error = mended(spawns(panics_after(secs(1))).then(runs_on())).await;
    assert_eq!(error, "service `feed` panicked in task: as scripted");
}

#[tokio::test(start_paused = true)]
async fn many_failures_of_one_run_are_one_restart() {
    let mut first = nothing();
    for _ in 0..50 {
        first = first.then(spawns(fails_after(secs(1))));
    }
    mended(first.then(runs_on())).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_at_once_is_no_first_start_that_succeeded() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [Act::Fail("at once".to_owned()).into()]);
    let running = start(alone(runs.clone().worker(), policy()).build().unwrap());
    running.wait().await;
    assert_eq!(runs.count(), 1, "it was never up");
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_first_start_that_fails_is_final() {
    for startup in [fails_after(secs(1)), panics_after(secs(1)), hangs()] {
        lifecycle_tests::hush();
        let journal = Journal::new();
        let runs = Runs::with_startup(&journal, [startup], [runs_on()]);
        let running = start(alone(runs.clone().worker(), policy()).build().unwrap());
        assert!(running.await_healthy().await.is_err());
        let outcome = running.stop().await;
        assert_eq!(runs.count(), 1);
        assert_eq!(outcome.exit_code(), 1, "{outcome}");
        assert_eq!(outcome.services()[0].restarts, 0);
        assert!(outcome.failures()[0].gave_up_after().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_start_that_fails_panics_or_hangs_is_restarted_by_the_budget() {
    lifecycle_tests::hush();
    let journal = Journal::new();
    let startup = [
        nothing(),
        fails_after(secs(1)),
        panics_after(secs(1)),
        hangs(),
        nothing(),
    ];
    let runs = Runs::with_startup(&journal, startup, [fails_after(secs(1)), runs_on()]);
    let running = started(alone(runs.clone().worker(), policy().max(4))).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    assert_eq!(runs.count(), 5);
    let shown = status(&running.handle(), "feed");
    assert_eq!((shown.restarts, shown.restarts_in_a_row), (4, 4));
    let error = shown.last_error.unwrap();
    assert!(matches!(error.fault(), Fault::StartTimeout(_)), "{error}");
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(
        journal.count("feed: drain"),
        2,
        "one for each start that was completed"
    );
}

#[tokio::test(start_paused = true)]
async fn later_starts_that_fail_use_up_the_budget() {
    let journal = Journal::new();
    let startup = [nothing(), fails_after(secs(1))];
    let runs = Runs::with_startup(&journal, startup, [fails_after(secs(1))]);
    let running = started(alone(runs.clone().worker(), policy().max(3))).await;
    let reason = running.wait().await.to_string();
    assert_eq!(
        reason,
        "service `feed` failed in startup and gave up after 3 restarts: disk full"
    );
    assert_eq!(runs.count(), 4);
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_failed_drain_is_final_and_tells_the_first_cause_first() {
    let journal = Journal::new();
    let runs = Runs::of(
        &journal,
        [nothing()],
        [fails_after(secs(1))],
        [Act::Fail("lost".to_owned()).into()],
    );
    let running = started(alone(runs.clone().worker(), policy())).await;
    let reason = running.wait().await.to_string();
    assert_eq!(reason, "service `feed` failed in run: disk full");
    let outcome = running.stop().await;
    let failures: Vec<_> = outcome.failures().iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        [
            "service `feed` failed in run: disk full",
            "service `feed` failed in drain: lost"
        ]
    );
    assert_eq!(runs.count(), 1);
    assert_eq!(outcome.services()[0].state, State::Failed);
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_late_is_final() {
    for drain in [false, true] {
        let journal = Journal::new();
        let (run, drain) = if drain {
            (fails_after(secs(1)), hangs())
        } else {
            (spawns(hangs()).then(fails_after(secs(1))), nothing())
        };
        let runs = Runs::of(&journal, [nothing()], [run], [drain]);
        let running = started(alone(runs.clone().worker(), policy())).await;
        let reason = running.wait().await.to_string();
        assert_eq!(reason, "service `feed` failed in run: disk full");
        let outcome = running.stop().await;
        assert_eq!(runs.count(), 1);
        assert_eq!(outcome.laggards().len(), 1, "{outcome}");
        assert_eq!(outcome.exit_code(), 1);
        assert_eq!(outcome.services()[0].state, State::Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_fails_was_never_up() {
    let journal = Journal::new();
    let oneshot = journal.script().run(fails_after(secs(1))).oneshot();
    let running = start(alone(oneshot, policy()).build().unwrap());
    running.wait().await;
    assert_eq!(journal.count("feed: run"), 1);
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn servers_and_hand_written_services_are_restarted_alike() {
    let journal = Journal::new();
    for first in [
        fails_after(secs(1)),
        takes(secs(1)),
        spawns(fails_after(secs(1))).then(runs_on()),
    ] {
        let runs = Runs::new(&journal, [first.clone(), runs_on()]);
        let server = started(alone(ServerRuns(runs.clone()), policy())).await;
        reaches(&server.handle(), "feed", State::Backoff).await;
        server.await_healthy().await.unwrap();
        assert_eq!(runs.count(), 2);
        server.stop().await.into_result().unwrap();

        let runs = Runs::new(&journal, [first, runs_on()]);
        let custom = started(alone(CustomRuns(runs.clone()), policy())).await;
        reaches(&custom.handle(), "feed", State::Backoff).await;
        custom.await_healthy().await.unwrap();
        assert_eq!(runs.count(), 2);
        custom.stop().await.into_result().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hand_written_start_that_returns_before_it_is_ready_uses_up_the_budget() {
    struct Never(Runs);
    #[lifecycle::async_trait]
    impl lifecycle::Service for Never {
        async fn start(&self, cx: &Context) -> Result {
            if self.0.count() == 0 {
                self.0.clone().worker().start(cx).await
            } else {
                self.0.clone().worker();
                Ok(())
            }
        }
        async fn stop(&self, cx: &Context) -> Result {
            cx.exited().await;
            Ok(())
        }
    }
    let runs = Runs::new(&Journal::new(), [fails_after(secs(1))]);
    let running = started(alone(Never(runs), policy().max(2))).await;
    let reason = running.wait().await.to_string();
    assert_eq!(
        reason,
        "service `feed` returned before it was ready and gave up after 2 restarts: `start` must call `cx.ready()`"
    );
    drop(running.stop().await);
}

macro_rules! scheduled {
    ($name:ident, $($option:tt)*) => {
        #[service(scheduled(interval = "1s", $($option)*))]
        struct $name(std::sync::atomic::AtomicUsize);
        impl Scheduled for $name {
            async fn tick(&self, _: &Context) -> Result {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Err("no answer".into())
            }
        }
    };
}
scheduled!(FailsAtOnce, on_error = fail);
scheduled!(FailsAtThird, max_failures = 3);

async fn ticks_until_backoff(registry: lifecycle::RegistryBuilder) -> Vec<u64> {
    let running = started(registry).await;
    let handle = running.handle();
    let mut counts = Vec::new();
    for _ in 0..3 {
        reaches(&handle, "feed", State::Backoff).await;
        counts.push(status(&handle, "feed").ticks.unwrap().count);
        reaches(&handle, "feed", State::Running).await;
    }
    let shown = status(&handle, "feed");
    assert_eq!(shown.last_error.unwrap().phase(), Phase::Tick);
    assert_eq!(
        shown.ticks.unwrap().consecutive_failures,
        0,
        "of the new run"
    );
    running.stop().await.into_result().unwrap();
    counts
}

#[tokio::test(start_paused = true)]
async fn ticks_that_fail_the_service_restart_it_and_are_counted_anew_in_each_run() {
    let at_once = FailsAtOnce(0.into());
    assert_eq!(
        ticks_until_backoff(alone(at_once, policy())).await,
        [1, 2, 3]
    );
    let at_third = FailsAtThird(0.into());
    assert_eq!(
        ticks_until_backoff(alone(at_third, policy())).await,
        [3, 6, 9]
    );
}

#[tokio::test(start_paused = true)]
async fn once_a_stop_was_requested_a_failure_is_a_failure() {
    let journal = Journal::new();
    let run = runs_on().then(Act::Fail("as it stops".to_owned()));
    let runs = Runs::stubborn(&journal, run);
    let running = started(alone(runs.clone().worker(), policy())).await;
    let outcome = running.stop().await;
    assert_eq!(runs.count(), 1);
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.services()[0].restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn what_ends_after_the_request_and_before_its_turn_is_not_restarted() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [Hook::from(Act::UntilRequested)]);
    let registry = alone(runs.clone().worker(), policy()).shutdown_delay(secs(5));
    let running = started(registry).await;
    running.handle().shutdown();
    tokio::time::sleep(millis(10)).await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert_eq!(runs.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dependent_is_told_of_a_first_start_and_not_of_a_later_one() {
    let journal = Journal::new();
    let startup = [nothing(), fails_after(secs(1)), nothing()];
    let runs = Runs::with_startup(&journal, startup, [fails_after(secs(1)), runs_on()]);
    let registry = Registry::builder()
        .service("feed", runs.worker())
        .on_failure(policy())
        .service("api", journal.script().idle())
        .after(["feed"]);
    let running = started(registry).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    assert_eq!(journal.count("api: startup"), 1);
    running.stop().await.into_result().unwrap();
}
