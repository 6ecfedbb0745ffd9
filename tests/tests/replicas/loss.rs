//! A lease that is lost: what runs, what is drained, what follows.

use std::sync::Arc;

use lifecycle::testing::InMemoryStore;
use lifecycle::{Context, Leases, Registry, Restart, Result, Scheduled, State, service};
use lifecycle_tests::{Journal, millis, secs, state_of};
use tokio::time::{Instant, sleep};

use crate::leader::{Leader, TERM, reaches, replica, started};

/// Takes the lease away from its holder, for another one.
async fn steal(store: &InMemoryStore) {
    store.expire("job");
    store.take("job", "another", TERM).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_renewal_stops_it_and_its_drain_is_told_why() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    reaches(&one.handle(), "job", State::Running).await;
    steal(&store).await;
    reaches(&one.handle(), "job", State::Standby).await;
    journal.assert_order(&[
        "one: ended",
        "one: drain, its lease was lost",
        "one: drained",
    ]);
    let status = one.handle().status("job").unwrap();
    assert_eq!((status.restarts, status.error.is_none()), (0, true));
    assert!(one.handle().is_healthy());
    let outcome = one.stop().await;
    assert_eq!(outcome.exit_code(), 0);
    outcome.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_lingers_is_dropped_when_another_may_have_the_lease_and_that_is_no_failure() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let leader = Leader {
        lingers: secs(86_400),
        ..Leader::new("one", &journal)
    };
    let one = started(replica(&store, leader).stop_timeout(secs(100_000)));
    reaches(&one.handle(), "job", State::Running).await;
    let confirmed = Instant::now();
    store.set_reachable(false);
    reaches(&one.handle(), "job", State::Standby).await;
    // Nine tenths of the term after the last request that was confirmed.
    let ended = Instant::now() - confirmed;
    assert!(ended <= TERM * 9 / 10 + millis(5), "{ended:?}");
    assert!(ended + millis(5) >= TERM * 9 / 10, "{ended:?}");
    journal.assert_order(&["one: run", "one: ended", "one: drain, its lease was lost"]);
    store.set_reachable(true);
    reaches(&one.handle(), "job", State::Running).await;
    one.handle().shutdown();
    drop(one);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_it_runs_on_until_the_term_may_be_over() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    reaches(&one.handle(), "job", State::Running).await;
    store.set_reachable(false);
    sleep(TERM * 8 / 10).await;
    let status = one.handle().status("job").unwrap();
    assert_eq!(status.state, State::Running);
    let degraded = status.degraded.unwrap();
    assert_eq!(
        &*degraded,
        "the lease store does not answer: the store is unreachable"
    );
    assert!(one.handle().is_healthy());
    sleep(TERM * 2 / 10).await;
    let status = one.handle().status("job").unwrap();
    assert_eq!(status.state, State::Standby);
    assert!(status.degraded.is_some());
    assert!(one.handle().is_healthy());
    // Away for ten minutes, and back.
    sleep(secs(600)).await;
    store.set_reachable(true);
    reaches(&one.handle(), "job", State::Running).await;
    assert!(one.handle().status("job").unwrap().degraded.is_none());
    one.stop().await.into_result().unwrap();
}

/// What it says of itself, and what its ticks fail with, is of the run that is over.
#[tokio::test(start_paused = true)]
async fn on_standby_it_is_degraded_by_its_store_alone() {
    let store = InMemoryStore::new();
    let one = started(
        Registry::builder()
            .leases(store.clone())
            .lease_term(TERM)
            .service("job", Unwell)
            .one_replica()
            .service("word", Unwell)
            .one_replica(),
    );
    let shown = |service: &str| {
        let status = one.handle().status(service).unwrap();
        (status.state, status.degraded.map(|why| why.to_string()))
    };
    reaches(&one.handle(), "word", State::Running).await;
    sleep(secs(2)).await;
    let unwell = |why: &str| (State::Running, Some(why.to_owned()));
    assert_eq!(shown("job"), unwell("it fails"));
    assert_eq!(shown("word"), unwell("it is unwell"));
    for service in ["job", "word"] {
        store.expire(service);
        store.take(service, "another", TERM).await.unwrap().unwrap();
    }
    for service in ["job", "word"] {
        reaches(&one.handle(), service, State::Standby).await;
        assert_eq!(shown(service), (State::Standby, None));
    }
    store.set_reachable(false);
    sleep(TERM).await;
    let away = "the lease store does not answer: the store is unreachable";
    for service in ["job", "word"] {
        assert_eq!(shown(service), (State::Standby, Some(away.to_owned())));
    }
    drop(one);
}

/// Fails, or says that it is unwell.
#[service(scheduled(interval = "1s"))]
struct Unwell;

impl Scheduled for Unwell {
    async fn tick(&self, cx: &Context) -> Result {
        if cx.name() == "job" {
            return Err("it fails".into());
        }
        cx.degraded("it is unwell");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_one_that_does_not_answer() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    reaches(&one.handle(), "job", State::Running).await;
    store.set_answering(false);
    reaches(&one.handle(), "job", State::Standby).await;
    let degraded = one.handle().status("job").unwrap().degraded.unwrap();
    assert!(
        degraded.starts_with("the lease store does not answer: no answer within"),
        "{degraded}"
    );
    let begun = Instant::now();
    // A request that hangs holds the stop up for a second at most.
    one.stop().await.into_result().unwrap();
    assert!(begun.elapsed() <= secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_between_two_renewals_is_not_noticed_by_the_service() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    reaches(&one.handle(), "job", State::Running).await;
    for _ in 0..20 {
        sleep(TERM).await;
        store.set_reachable(false);
        sleep(TERM / 3).await;
        store.set_reachable(true);
    }
    assert_eq!(state_of(&one.handle(), "job"), State::Running);
    assert_eq!(journal.all(), ["one: startup", "one: run"]);
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_is_lost_during_a_startup_too() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let leader = Leader {
        startup: secs(60),
        ..Leader::new("one", &journal)
    };
    let one = started(replica(&store, leader));
    reaches(&one.handle(), "job", State::Starting).await;
    steal(&store).await;
    reaches(&one.handle(), "job", State::Standby).await;
    assert_eq!(journal.all(), ["one: startup"]);
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_kept_through_a_backoff_and_lost_in_one() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let leader = Leader {
        fails_after: Some(secs(1)),
        ..Leader::new("one", &journal)
    };
    let policy = Restart::new().backoff(secs(100), secs(100)).forever();
    let one = started(replica(&store, leader).on_failure(policy));
    reaches(&one.handle(), "job", State::Backoff).await;
    let held = store.holder("job").unwrap();
    sleep(TERM).await;
    assert_eq!(store.holder("job").unwrap(), held);
    assert_eq!(state_of(&one.handle(), "job"), State::Backoff);
    steal(&store).await;
    reaches(&one.handle(), "job", State::Standby).await;
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_final_failure_gives_the_lease_back() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let leader = Leader {
        fails_after: Some(secs(1)),
        ..Leader::new("one", &journal)
    };
    let one = started(replica(&store, leader));
    one.wait().await;
    let outcome = one.stop().await;
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(store.holder("job"), None);
}
