//! A registry that is a service, under a policy that restarts it, and by hand.

use lifecycle::Context;
use lifecycle::{OnFailure, Registry, RestartError, Result, State, Worker, permanent, service};
use lifecycle_tests::{Journal, secs, takes};
use tokio::time::sleep;

use crate::runs::{Runs, alone, fails_after, policy, reaches, runs_on, started, status};

fn inner(journal: &Journal, service: impl lifecycle::Service) -> Registry {
    let registry = Registry::builder()
        .service("store", journal.script().idle())
        .service("index", service)
        .after(["store"]);
    registry.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_failure_within_it_restarts_all_of_it_and_is_none_of_the_outcome() {
    let journal = Journal::new();
    let runs = Runs::new(
        &journal,
        [fails_after(secs(1)), fails_after(secs(1)), runs_on()],
    );
    let running = started(alone(inner(&journal, runs.clone().worker()), policy())).await;
    let handle = running.handle();
    for _ in 0..2 {
        reaches(&handle, "feed", State::Backoff).await;
        assert!(!handle.is_healthy());
        running.await_healthy().await.unwrap();
    }
    assert_eq!(runs.count(), 3);
    assert_eq!(journal.count("feed/store: startup"), 3);
    assert_eq!(journal.count("feed/store: drain"), 2);
    let error = status(&handle, "feed").last_error.unwrap().to_string();
    assert!(
        error.contains("service `feed/index` failed in run: disk full"),
        "{error}"
    );
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(outcome.failures().is_empty(), "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn when_it_gives_up_the_last_failure_within_it_is_told() {
    let journal = Journal::new();
    let runs = Runs::new(&journal, [fails_after(secs(1))]);
    let running = started(alone(inner(&journal, runs.worker()), policy().max(1))).await;
    let reason = running.wait().await.to_string();
    assert!(reason.contains("gave up after 1 restart"), "{reason}");
    assert!(reason.contains("`feed/index`"), "{reason}");
    assert_eq!(running.stop().await.exit_code(), 1);
}

#[tokio::test(start_paused = true)]
async fn within_it_each_service_has_a_policy_of_its_own() {
    let journal = Journal::new();
    let index = Runs::new(&journal, [fails_after(secs(1)), runs_on()]);
    let within = Registry::builder()
        .service("index", index.worker())
        .on_failure(policy());
    let within = within.build().unwrap();
    let running = started(Registry::builder().service("search", within)).await;
    let handle = running.handle();
    reaches(&handle, "search/index", State::Backoff).await;
    assert!(!handle.is_healthy());
    running.await_healthy().await.unwrap();
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 0, "{outcome}");
    assert!(outcome.failures().is_empty(), "{outcome}");
}

#[service(worker)]
struct Wrong;

impl Worker for Wrong {
    async fn run(&self, _: &Context) -> Result {
        sleep(secs(1)).await;
        Err(permanent("wrong password").into())
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_restart_can_mend_within_it_is_final_for_it() {
    let journal = Journal::new();
    let running = started(alone(inner(&journal, Wrong), policy())).await;
    running.wait().await;
    let outcome = running.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(outcome.services()[0].restarts, 0, "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn by_hand_it_is_restarted_whole_or_a_service_of_it_alone() {
    let journal = Journal::new();
    let index = || Runs::with_startup(&journal, [takes(secs(1))], [runs_on()]).worker();
    let running = started(Registry::builder().service("search", inner(&journal, index()))).await;
    let handle = running.handle();
    handle.restart("search/index").await.unwrap();
    assert_eq!(journal.count("search/index: startup done"), 2);
    assert_eq!(journal.count("search/store: startup"), 1);
    handle.restart("search").await.unwrap();
    assert_eq!(journal.count("search/index: startup done"), 3);
    assert_eq!(journal.count("search/store: startup"), 2);
    assert_eq!(
        status(&handle, "search/index").restarts,
        0,
        "of its new run"
    );
    assert!(matches!(
        handle.restart("search/nobody").await,
        Err(RestartError::Unknown(_))
    ));
    running.await_healthy().await.unwrap();
    running.stop().await.into_result().unwrap();
}

#[service(worker)]
struct Asks(&'static str, Journal);

impl Worker for Asks {
    async fn run(&self, cx: &Context) -> Result {
        let answer = cx.handle().restart(self.0).await;
        self.1
            .note(answer.map_or_else(|error| error.to_string(), |()| "restarted".to_owned()));
        cx.stop_channel().closed().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn code_within_it_can_not_wait_for_its_restart() {
    let (journal, said) = (Journal::new(), Journal::new());
    let running = started(
        Registry::builder().service("search", inner(&journal, Asks("store", said.clone()))),
    )
    .await;
    sleep(secs(1)).await;
    assert_eq!(said.all(), ["restarted"], "of one beside it");
    running.stop().await.into_result().unwrap();

    let said = Journal::new();
    let outer = Registry::builder()
        .service("search", inner(&journal, Outer(said.clone())))
        .on_failure(OnFailure::Shutdown);
    let running = started(outer).await;
    OUTER.with_borrow_mut(|outer| *outer = Some(running.handle()));
    sleep(secs(1)).await;
    let said = said.all();
    assert!(
        said[0].contains("would wait for the code that asks for it"),
        "{said:?}"
    );
    OUTER.with_borrow_mut(Option::take);
    running.stop().await.into_result().unwrap();
}

thread_local! {
    static OUTER: std::cell::RefCell<Option<lifecycle::Handle>> = const { std::cell::RefCell::new(None) };
}

#[service(worker)]
struct Outer(Journal);

impl Worker for Outer {
    async fn run(&self, cx: &Context) -> Result {
        sleep(lifecycle_tests::millis(10)).await;
        let outer = OUTER.with_borrow(Clone::clone).unwrap();
        let answer = outer.restart("search").await;
        self.0
            .note(answer.map_or_else(|error| error.to_string(), |()| "restarted".to_owned()));
        cx.stop_channel().closed().await;
        Ok(())
    }
}
