//! Rule 29: restarts by hand.

use std::time::Duration;

use lifecycle::{Cause, Context, Idle, OnFailure, Registry, RestartError, Result, State, service};
use lifecycle_tests::{Act, Hook, Journal, hangs, millis, nothing, secs, start, state_of, takes};
use tokio::time::{Instant, sleep, timeout};

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

#[tokio::test(start_paused = true)]
async fn a_service_of_any_policy_is_restarted_and_the_call_returns_when_it_is_up() {
    for policy in [
        OnFailure::Shutdown,
        OnFailure::Ignore,
        policy().max(1).into(),
    ] {
        let journal = Journal::new();
        let runs = Runs::of(
            &journal,
            [nothing(), takes(secs(2))],
            [runs_on()],
            [takes(secs(1))],
        );
        let registry = Registry::builder()
            .service("feed", runs.clone().worker())
            .on_failure(policy);
        let running = started(registry).await;
        let begun = Instant::now();
        for count in 1..=5 {
            running.handle().restart("feed").await.unwrap();
            assert_eq!(runs.count(), count + 1);
            assert_eq!(state_of(&running.handle(), "feed"), State::Running);
        }
        assert_eq!(begun.elapsed(), secs(15));
        let shown = status(&running.handle(), "feed");
        assert_eq!((shown.restarts, shown.restarts_in_a_row), (5, 0));
        let outcome = running.stop().await;
        assert_eq!(outcome.exit_code(), 0);
        assert!(
            outcome
                .to_string()
                .contains("service `feed` was restarted 5 times\n"),
            "{outcome}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn it_costs_nothing_of_the_budget_and_forgets_nothing() {
    let journal = Journal::new();
    let runs = Runs::new(
        &journal,
        [
            fails_after(secs(1)),
            runs_on(),
            runs_on(),
            fails_after(secs(1)),
        ],
    );
    let running = started(alone(runs.clone().worker(), policy().max(1))).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    running.await_healthy().await.unwrap();
    running.handle().restart("feed").await.unwrap();
    running.handle().restart("feed").await.unwrap();
    assert!(
        running
            .wait()
            .await
            .to_string()
            .contains("gave up after 1 restart")
    );
    drop(running.stop().await);
}

#[tokio::test(start_paused = true)]
async fn in_its_backoff_the_wait_ends_at_once() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [fails_after(secs(1)), runs_on()]);
    let policy = policy().backoff(secs(3600), secs(3600));
    let running = started(alone(runs.worker(), policy)).await;
    reaches(&running.handle(), "feed", State::Backoff).await;
    let begun = Instant::now();
    running.handle().restart("feed").await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(
        status(&running.handle(), "feed").restarts,
        1,
        "the one that was planned"
    );
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_it_is_stopped_for_a_restart_the_wait_is_left_out() {
    let journal = Journal::new();
    let runs = Runs::of(
        &journal,
        [nothing()],
        [fails_after(secs(1)), runs_on()],
        [takes(secs(2))],
    );
    let policy = policy().backoff(secs(3600), secs(3600));
    let running = started(alone(runs.worker(), policy)).await;
    reaches(&running.handle(), "feed", State::Stopping).await;
    let begun = Instant::now();
    running.handle().restart("feed").await.unwrap();
    assert_eq!(begun.elapsed(), secs(2));
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_at_the_same_time_share_one_restart() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [runs_on()]);
    let running = started(alone(runs.clone().worker(), policy())).await;
    let handle = running.handle();
    let (a, b, c) = tokio::join!(
        handle.restart("feed"),
        handle.restart("feed"),
        handle.restart("feed")
    );
    a.and(b).and(c).unwrap();
    assert_eq!(runs.count(), 2);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_restarts_all_the_same() {
    let journal = Journal::new();
    let runs = Runs::with_startup(&journal, [nothing(), takes(secs(5))], [runs_on()]);
    let running = started(alone(runs.clone().worker(), policy())).await;
    assert!(
        timeout(secs(1), running.handle().restart("feed"))
            .await
            .is_err()
    );
    running.await_healthy().await.unwrap();
    assert_eq!(runs.count(), 2);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_starting_begins_its_start_anew() {
    let journal = Journal::new();
    let runs = Runs::with_startup(&journal, [hangs(), nothing()], [runs_on()]);
    let running = start(alone(runs.clone().worker(), policy()).build().unwrap());
    sleep(secs(1)).await;
    running.handle().restart("feed").await.unwrap();
    assert_eq!(runs.count(), 2);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_is_mended_by_the_policy_or_is_the_answer() {
    let journal = Journal::new();
    let startup = [nothing(), fails_after(secs(1)), nothing()];
    let runs = Runs::with_startup(&journal, startup.clone(), [runs_on()]);
    let running = started(alone(runs.clone().worker(), policy())).await;
    running.handle().restart("feed").await.unwrap();
    assert_eq!(runs.count(), 3);
    running.stop().await.into_result().unwrap();

    let runs = Runs::with_startup(&journal, startup, [runs_on()]);
    let running = started(Registry::builder().service("feed", runs.worker())).await;
    let error = running.handle().restart("feed").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `feed` failed in startup: disk full"
    );
    assert!(matches!(error, RestartError::Failed(_)));
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_drain_or_a_late_one_is_the_answer() {
    for drain in [Hook::from(Act::Fail("lost".to_owned())), hangs()] {
        let journal = Journal::new();
        let runs = Runs::of(&journal, [nothing()], [runs_on()], [drain]);
        let running = started(Registry::builder().service("feed", runs.clone().worker())).await;
        let error = running.handle().restart("feed").await.unwrap_err();
        assert!(matches!(error, RestartError::Failed(_)), "{error}");
        assert_eq!(runs.count(), 1);
        assert_eq!(running.stop().await.exit_code(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_run_returns_as_it_is_restarted_is_no_failure() {
    let journal = Journal::new();
    let run = runs_on().then(Act::Fail("as it stops".to_owned()));
    let runs = Runs::stubborn(&journal, run);
    let running = started(Registry::builder().service("feed", runs.worker())).await;
    running.handle().restart("feed").await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
}

#[service(idle)]
struct Why(Journal);

impl Idle for Why {
    async fn drain(&self, cx: &Context) -> Result {
        let cause = cx.cause().unwrap();
        if !matches!(cause, Cause::Restart | Cause::Shutdown(_)) {
            return Err("another cause".into());
        }
        self.0.note(cause.to_string());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn its_drain_is_told_the_cause() {
    let journal = Journal::new();
    let running = started(Registry::builder().service("why", Why(journal.clone()))).await;
    running.handle().restart("why").await.unwrap();
    running.stop().await.into_result().unwrap();
    assert_eq!(journal.all(), ["restarted", "stop requested"]);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_restarted_is_told_in_a_sentence() {
    let journal = Journal::new();
    let registry = Registry::builder()
        .service("slow", journal.script().startup(takes(secs(5))).idle())
        .service("waits", journal.script().idle())
        .after(["slow"])
        .service("job", journal.script().oneshot())
        .service("gone", Runs::new(&journal, [fails_after(secs(1))]).worker())
        .on_failure(OnFailure::Ignore)
        .build()
        .unwrap();
    let early = registry.handle();
    let told = async |name| early.restart(name).await.unwrap_err().to_string();
    assert_eq!(
        told("slow").await,
        "the registry has not been started: there is nothing to restart yet"
    );
    assert_eq!(told("nobody").await, "no service is named `nobody`");
    let running = start(registry);
    sleep(secs(2)).await;
    assert_eq!(
        told("waits").await,
        "service `waits` does not run: it is started as soon as all that it needs is up"
    );
    assert_eq!(
        told("job").await,
        "service `job` has ended, and is not started again"
    );
    assert_eq!(
        told("gone").await,
        "service `gone` has ended, and is not started again"
    );
    running.await_healthy().await.unwrap();
    early.shutdown();
    assert_eq!(
        told("waits").await,
        "the application is stopping: nothing is restarted"
    );
    drop(running.stop().await);
    assert_eq!(
        told("waits").await,
        "the application is stopping: nothing is restarted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_was_dropped_or_stopped_before_its_start_restarts_nothing() {
    let registry = Registry::builder()
        .service("feed", Journal::new().script().idle())
        .build()
        .unwrap();
    let handle = registry.handle();
    drop(registry);
    assert!(matches!(
        handle.restart("feed").await,
        Err(RestartError::Stopping)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_oneshot_that_is_at_work_runs_again() {
    let journal = Journal::new();
    let oneshot = journal.script().run(takes(secs(5))).oneshot();
    let registry = Registry::builder()
        .service("job", oneshot)
        .service("api", journal.script().custom());
    let running = start(registry.build().unwrap());
    sleep(secs(1)).await;
    let handle = running.handle();
    handle.restart("job").await.unwrap();
    assert_eq!(journal.count("job: run"), 2);
    assert!(handle.is_healthy());
    assert!(status(&handle, "job").succeeded);
    running.stop().await.into_result().unwrap();
}

/// Restarts the other one, or itself, from its own code.
#[service(worker)]
struct Restarter {
    target: &'static str,
    in_a_task: bool,
    journal: Journal,
}

impl lifecycle::Worker for Restarter {
    async fn run(&self, cx: &Context) -> Result {
        let (handle, target, journal) = (cx.handle(), self.target, self.journal.clone());
        let ask = async move {
            match handle.restart(target).await {
                Ok(()) => journal.note("restarted"),
                Err(error) => journal.note(error.to_string()),
            }
            Ok(())
        };
        if self.in_a_task {
            cx.spawn(ask);
        } else {
            ask.await?;
        }
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn code_of_a_service_can_not_wait_for_a_restart_that_waits_for_it() {
    for in_a_task in [false, true] {
        for (target, is_refused) in [("api", true), ("store", true), ("other", false)] {
            let journal = Journal::new();
            let restarter = Restarter {
                target,
                in_a_task,
                journal: journal.clone(),
            };
            let registry = Registry::builder()
                .service("store", journal.script().custom())
                .service("other", Runs::new(&Journal::new(), [runs_on()]).worker())
                .service("api", restarter)
                .after(["store", "other"])
                .restart_with(["store"]);
            let running = started(registry).await;
            sleep(millis(10)).await;
            let said = journal.all();
            let refused = format!(
                "the restart of service `{target}` would wait for the code that asks for it: ask from outside of it, and of what restarts with it"
            );
            let wanted = if is_refused { &*refused } else { "restarted" };
            assert!(said.iter().any(|said| said == wanted), "{said:#?}");
            running.stop().await.into_result().unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_of_a_call() {
    let journal = Journal::new();
    let runs = Runs::with_startup(&journal, [nothing(), hangs()], [runs_on()]);
    let running = started(alone(runs.worker(), policy())).await;
    let handle = running.handle();
    let call = tokio::spawn(async move { handle.restart("feed").await });
    sleep(secs(1)).await;
    running.stop().await.into_result().unwrap();
    assert!(matches!(call.await.unwrap(), Err(RestartError::Stopping)));
}
