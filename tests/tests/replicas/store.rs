//! What the builder and the start say of leases.

use lifecycle::testing::InMemoryStore;
use lifecycle::{Idle, Reason, Registry, service};
use lifecycle_tests::{secs, start};

#[service(idle)]
struct Part;

impl Idle for Part {}

#[test]
fn one_replica_without_leases_is_a_problem() {
    let error = Registry::builder()
        .service("job", Part)
        .one_replica()
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "one replica runs `job`, and there are no `leases` (help: name the store that all replicas share: `.leases(store)`)"
    );
}

#[test]
fn a_term_of_zero_is_a_problem() {
    let error = Registry::builder()
        .leases(InMemoryStore::new())
        .lease_term(secs(0))
        .service("job", Part)
        .one_replica()
        .build()
        .unwrap_err();
    assert_eq!(error.problems()[0].to_string(), "the `lease_term` is zero");
}

#[tokio::test(start_paused = true)]
async fn a_lease_for_a_disabled_service_is_refused_at_the_start() {
    let registry = Registry::builder()
        .leases(InMemoryStore::new())
        .service("job", None::<Part>)
        .one_replica()
        .service("other", Part)
        .build()
        .unwrap();
    let running = start(registry);
    let reason = running.wait().await;
    assert!(matches!(reason, Reason::NotStarted(_)), "{reason}");
    assert!(
        reason
            .to_string()
            .contains("one replica runs `job`, which is disabled"),
        "{reason}"
    );
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn one_that_a_target_leaves_out_takes_no_lease() {
    let store = InMemoryStore::new();
    let registry = Registry::builder()
        .leases(store.clone())
        .service("job", Part)
        .one_replica()
        .service("other", Part)
        .build()
        .unwrap()
        .only(["other"]);
    let running = start(registry);
    running.await_healthy().await.unwrap();
    assert_eq!(store.holder("job"), None);
    running.stop().await.into_result().unwrap();
}
