//! A service on standby among others: dependents, stops, restarts by hand, triggers.

use std::sync::Arc;

use lifecycle::testing::InMemoryStore;
use lifecycle::{
    Idle, Leases, OnFailure, Registry, Restart, RestartError, State, TriggerError, service,
};
use lifecycle_tests::{Journal, secs, state_of};
use tokio::time::sleep;

use crate::leader::{Leader, TERM, reaches, replica, started};

#[service(idle)]
struct Part;

impl Idle for Part {}

#[tokio::test(start_paused = true)]
async fn a_dependent_starts_while_it_is_on_standby() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    store
        .take("job", "another", TERM * 1000)
        .await
        .unwrap()
        .unwrap();
    let one = started(
        replica(&store, Leader::new("one", &journal))
            .service("api", Part)
            .after(["job"]),
    );
    one.await_healthy().await.unwrap();
    assert_eq!(state_of(&one.handle(), "api"), State::Running);
    assert_eq!(state_of(&one.handle(), "job"), State::Standby);
    one.stop().await.into_result().unwrap();
    assert_eq!(journal.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_dependent_runs_on_while_it_takes_over_and_stops_before_it() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    store
        .take("job", "another", secs(60))
        .await
        .unwrap()
        .unwrap();
    let one = started(
        replica(&store, Leader::new("one", &journal))
            .service("api", Leader::new("api", &journal))
            .after(["job"]),
    );
    one.await_healthy().await.unwrap();
    reaches(&one.handle(), "job", State::Running).await;
    one.stop().await.into_result().unwrap();
    journal.assert_order(&[
        "api: run",
        "one: run",
        "api: drained",
        "one: drain, stop requested",
        "one: drained",
    ]);
}

#[tokio::test(start_paused = true)]
async fn it_seeks_no_lease_before_what_it_needs_is_up() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let base = Leader {
        startup: secs(20),
        ..Leader::new("base", &journal)
    };
    let one = started(
        replica(&store, Leader::new("one", &journal))
            .after(["base"])
            .service("base", base),
    );
    sleep(secs(10)).await;
    assert_eq!(state_of(&one.handle(), "job"), State::Waiting);
    assert_eq!(store.holder("job"), None);
    one.await_healthy().await.unwrap();
    reaches(&one.handle(), "job", State::Running).await;
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_taken_for_one_whose_dependency_is_down() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    store
        .take("job", "another", secs(60))
        .await
        .unwrap()
        .unwrap();
    let base = Leader {
        fails_after: Some(secs(50)),
        ..Leader::new("base", &journal)
    };
    let policy = Restart::new().backoff(secs(1_000), secs(1_000)).forever();
    let one = started(
        replica(&store, Leader::new("one", &journal))
            .after(["base"])
            .service("base", base)
            .on_failure(policy),
    );
    reaches(&one.handle(), "job", State::Standby).await;
    reaches(&one.handle(), "base", State::Backoff).await;
    sleep(secs(100)).await;
    assert_eq!(state_of(&one.handle(), "job"), State::Waiting);
    assert_eq!(store.holder("job"), None);
    one.handle().restart("base").await.unwrap();
    reaches(&one.handle(), "job", State::Running).await;
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn on_standby_it_can_be_neither_restarted_nor_triggered() {
    let store = InMemoryStore::new();
    let journal = Arc::new(Journal::new());
    store
        .take("job", "another", TERM * 1000)
        .await
        .unwrap()
        .unwrap();
    let one = started(replica(&store, Leader::new("one", &journal)));
    reaches(&one.handle(), "job", State::Standby).await;
    let refused = one.handle().restart("job").await.unwrap_err();
    assert!(matches!(refused, RestartError::NotRunning(_)), "{refused}");
    let refused = one.handle().trigger("job").await.unwrap_err();
    assert!(
        matches!(
            refused,
            TriggerError::NotScheduled(_) | TriggerError::NotRunning(_)
        ),
        "{refused}"
    );
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_keeps_the_lease() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    reaches(&one.handle(), "job", State::Running).await;
    let held = store.holder("job");
    one.handle().restart("job").await.unwrap();
    assert_eq!(store.holder("job"), held);
    assert_eq!(journal.count("one: run"), 2);
    one.stop().await.into_result().unwrap();
    assert_eq!(store.holder("job"), None);
}

#[tokio::test(start_paused = true)]
async fn one_that_restarts_with_it_does_not_hold_a_loss_up() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let api = Leader {
        lingers: secs(5),
        ..Leader::new("api", &journal)
    };
    let one = started(
        replica(&store, Leader::new("one", &journal))
            .service("api", api)
            .after(["job"])
            .restart_with(["job"]),
    );
    reaches(&one.handle(), "job", State::Running).await;
    reaches(&one.handle(), "api", State::Running).await;
    store.expire("job");
    store
        .take("job", "another", TERM * 3)
        .await
        .unwrap()
        .unwrap();
    reaches(&one.handle(), "job", State::Standby).await;
    let (job, api) = (journal.at("one: ended"), journal.count("api: ended"));
    assert_eq!(api, 0, "{job:?}: {:?}", journal.timed());
    reaches(&one.handle(), "job", State::Running).await;
    reaches(&one.handle(), "api", State::Running).await;
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_can_never_be_used_fails_the_service() {
    use lifecycle::{BoxError, Grant, async_trait, permanent};

    struct Closed;

    #[async_trait]
    impl Leases for Closed {
        async fn take(
            &self,
            _: &str,
            _: &str,
            _: std::time::Duration,
        ) -> Result<Option<Grant>, BoxError> {
            Err(permanent("no privilege on `lifecycle_leases`").into())
        }

        async fn renew(&self, _: &Grant, _: std::time::Duration) -> Result<bool, BoxError> {
            unreachable!("nothing was granted")
        }

        async fn give_back(&self, _: &Grant) -> Result<bool, BoxError> {
            unreachable!("nothing was granted")
        }
    }

    for (policy, exit) in [(OnFailure::Shutdown, 1), (OnFailure::Ignore, 0)] {
        let one = started(
            Registry::builder()
                .leases(Closed)
                .service("job", Part)
                .one_replica()
                .on_failure(policy)
                .service("other", Part),
        );
        reaches(&one.handle(), "job", State::Failed).await;
        let error = one.handle().status("job").unwrap().error.unwrap();
        assert_eq!(
            error.to_string(),
            "service `job` failed in startup: no privilege on `lifecycle_leases`"
        );
        let outcome = one.stop().await;
        assert_eq!(outcome.exit_code(), exit);
    }
}

#[tokio::test(start_paused = true)]
async fn within_a_registry_that_is_a_service_the_lease_has_the_whole_path() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let inner = replica(&store, Leader::new("one", &journal))
        .build()
        .unwrap();
    let one = started(Registry::builder().service("module", inner));
    one.await_healthy().await.unwrap();
    reaches(&one.handle(), "module/job", State::Running).await;
    assert!(store.holder("module/job").is_some());
    one.stop().await.into_result().unwrap();
    assert_eq!(store.holder("module/job"), None);
    assert_eq!(journal.count("one: drained"), 1);
}
