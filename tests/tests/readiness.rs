//! Readiness and services under `on_failure = ignore`: rule 14.
//!
//! The kind of fault this is about: what the application can do without decided whether it is ready. To it belong
//! every state such a service can be in (it waits, starts, hangs in its start, fails before the others are up, while they
//! start, after they are up, has ended by itself), every look at readiness (`is_healthy`, `await_healthy` of the owner and
//! of a handle, before and after), and a registry in which all are ignored.

use lifecycle::{Handle, HealthError, Reason, Running, State, registry};
use lifecycle_tests::{Hook, Journal, fails, hangs, panics, secs, start, state_of, takes};
use tokio::time::{sleep, timeout};

/// Both views agree, and the second must take no time.
async fn is_ready(running: &Running) -> bool {
    let handle = running.handle();
    let at_once = |ended: Result<Result<(), HealthError>, _>| matches!(ended, Ok(Ok(())));
    let owner = at_once(timeout(secs(0), running.await_healthy()).await);
    let view = at_once(timeout(secs(0), handle.await_healthy()).await);
    assert_eq!(owner, handle.is_healthy());
    assert_eq!(view, owner);
    owner
}

fn with_cache(journal: &Journal, startup: Hook, run: Hook) -> Running {
    start(registry! {
        "cache" => journal.script().startup(startup).run(run).worker(), on_failure = ignore,
        "api" => journal.script().startup(takes(secs(2))).idle(),
    })
}

#[tokio::test(start_paused = true)]
async fn an_ignored_service_is_not_waited_for() {
    for startup in [hangs(), takes(secs(60))] {
        let journal = Journal::new();
        let running = with_cache(&journal, startup, hangs());
        assert!(!is_ready(&running).await);
        running.await_healthy().await.unwrap();
        assert_eq!(journal.now(), secs(2));
        assert!(is_ready(&running).await);
        assert_eq!(state_of(&running.handle(), "cache"), State::Starting);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ignored_service_that_waits_for_another_is_not_waited_for() {
    let journal = Journal::new();
    let running = start(registry! {
        "disk" => journal.script().startup(hangs()).idle(), on_failure = ignore,
        "cache" => journal.script().idle(), after = ["disk"], on_failure = ignore,
        "api" => journal.script().startup(takes(secs(2))).idle(),
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(2));
    assert_eq!(state_of(&running.handle(), "cache"), State::Waiting);
}

/// Before the others are up, in the same moment, and after.
#[tokio::test(start_paused = true)]
async fn an_ignored_failure_changes_nothing_whenever_it_comes() {
    for second in [0, 1, 2, 3] {
        for end in [fails("gone"), panics("gone")] {
            for in_startup in [true, false] {
                let journal = Journal::new();
                let lasts = takes(secs(second)).then(end.clone());
                let running = if in_startup {
                    with_cache(&journal, lasts, hangs())
                } else {
                    with_cache(&journal, Hook::default(), lasts)
                };
                running.await_healthy().await.unwrap();
                assert_eq!(journal.now(), secs(2));
                sleep(secs(5)).await;
                assert_eq!(state_of(&running.handle(), "cache"), State::Failed);
                assert!(is_ready(&running).await);

                let outcome = running.stop().await;
                assert_eq!(outcome.exit_code(), 0, "{outcome}");
                assert_eq!(outcome.failures()[0].service(), "cache");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_ignored_failure_does_not_hide_one_that_counts() {
    let journal = Journal::new();
    let running = start(registry! {
        "cache" => journal.script().startup(fails("no memory")).idle(), on_failure = ignore,
        "api" => journal.script().startup(takes(secs(2)).then(fails("no port"))).idle(),
    });
    let error = running.await_healthy().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "service `api` failed in startup: no port"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.failures()[0].service(), "cache", "the first cause");
    assert_eq!(outcome.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_registry_in_which_none_counts_is_ready_from_its_start() {
    let journal = Journal::new();
    let running = start(registry! {
        "a" => journal.script().startup(hangs()).idle(), on_failure = ignore,
        "b" => journal.script().startup(fails("no")).idle(), on_failure = ignore,
    });
    running.await_healthy().await.unwrap();
    assert_eq!(journal.now(), secs(0));
    sleep(secs(5)).await;
    assert!(is_ready(&running).await);
    running.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn readiness_of_what_counts_still_turns_false_at_the_first_request() {
    let journal = Journal::new();
    let running = with_cache(&journal, fails("no memory"), hangs());
    running.await_healthy().await.unwrap();
    let handle: Handle = running.handle();
    handle.shutdown();
    assert!(!handle.is_healthy());
    assert!(matches!(
        handle.await_healthy().await,
        Err(HealthError::Stopping(Reason::Requested))
    ));
}
