//! How a lease is taken, held over many terms, and handed on.

use std::sync::Arc;

use lifecycle::testing::InMemoryStore;
use lifecycle::{Grant, Leases, Registry, State};
use lifecycle_tests::{Journal, Moves, millis, secs, start, state_of};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep};

use crate::leader::{Asks, Leader, TERM, lease_events, reaches, replica, started, token};

#[tokio::test(start_paused = true)]
async fn one_replica_runs_it_and_the_other_is_on_standby() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    one.await_healthy().await.unwrap();
    let two = started(replica(&store, Leader::new("two", &journal)));
    two.await_healthy().await.unwrap();
    sleep(TERM * 100).await;
    assert_eq!(state_of(&one.handle(), "job"), State::Running);
    assert_eq!(state_of(&two.handle(), "job"), State::Standby);
    assert!(two.handle().is_healthy());
    assert!(two.handle().states()[0].is_healthy());
    assert_eq!(journal.all(), ["one: startup", "one: run"]);
    assert_eq!(token(&one.handle(), "job"), Some(1));
    assert_eq!(token(&two.handle(), "job"), None);
    one.stop().await.into_result().unwrap();
    two.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_the_lease_back_after_the_drain_and_the_other_takes_over_at_once() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let leader = Leader {
        drain: secs(3),
        ..Leader::new("one", &journal)
    };
    let one = started(replica(&store, leader));
    one.await_healthy().await.unwrap();
    let two = started(replica(&store, Leader::new("two", &journal)));
    reaches(&two.handle(), "job", State::Standby).await;
    sleep(secs(5)).await;
    let asked = Instant::now();
    one.stop().await.into_result().unwrap();
    reaches(&two.handle(), "job", State::Running).await;
    assert!(
        asked.elapsed() < secs(3) + millis(200),
        "{:?}",
        asked.elapsed()
    );
    journal.assert_order(&[
        "one: ended",
        "one: drain, stop requested",
        "one: drained",
        "two: startup",
        "two: run",
    ]);
    assert_eq!(token(&two.handle(), "job"), Some(2));
    two.stop().await.into_result().unwrap();
    assert_eq!(store.holder("job"), None);
}

/// A replica that has just asked in vain does not listen yet.
#[tokio::test(start_paused = true)]
async fn whenever_a_lease_is_given_back_another_replica_has_it_at_once() {
    let long = TERM * 1000;
    for after in (0..10_000).step_by(20) {
        let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
        let held = store.take("job", "other", long).await.unwrap().unwrap();
        let running = started(replica(&store, Leader::new("one", &journal)));
        reaches(&running.handle(), "job", State::Standby).await;
        sleep(millis(after)).await;
        let given = Instant::now();
        store.give_back(&held).await.unwrap();
        reaches(&running.handle(), "job", State::Running).await;
        let took = given.elapsed();
        assert!(took < millis(200), "{took:?}, given back after {after} ms");
        running.stop().await.into_result().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_gone_is_replaced_within_a_term_and_a_poll() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    // A holder that neither renews nor gives back.
    store.take("job", "gone", TERM).await.unwrap().unwrap();
    let begun = Instant::now();
    let two = started(replica(&store, Leader::new("two", &journal)));
    reaches(&two.handle(), "job", State::Running).await;
    let took = begun.elapsed();
    assert!(took >= TERM && took <= TERM + TERM / 3, "{took:?}");
    two.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_states_go_by_standby() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let registry = replica(&store, Leader::new("one", &journal))
        .build()
        .unwrap();
    let moves = Moves::watch(&registry.handle());
    let one = start(registry);
    one.await_healthy().await.unwrap();
    reaches(&one.handle(), "job", State::Running).await;
    store.expire("job");
    sleep(TERM).await;
    reaches(&one.handle(), "job", State::Running).await;
    one.stop().await.into_result().unwrap();
    let way = [
        State::Waiting,
        State::Standby,
        State::Starting,
        State::Running,
        State::Stopping,
        State::Standby,
        State::Starting,
        State::Running,
        State::Stopping,
        State::Stopped,
    ];
    assert_eq!(moves.of("job").await, way);
}

#[tokio::test(start_paused = true)]
async fn a_run_sees_its_own_lease_and_never_that_of_another_run() {
    let store = InMemoryStore::new().namespace("identity");
    let (tell, mut told) = unbounded_channel();
    let one = started(
        Registry::builder()
            .leases(store.clone())
            .lease_term(TERM)
            .service("job", Asks(tell))
            .one_replica(),
    );
    let (first, lease) = told.recv().await.unwrap();
    let lease = lease.unwrap();
    assert_eq!(lease.grant().name, "identity/job");
    assert_eq!(lease.token(), 1);
    assert!(lease.is_held());
    assert_eq!(
        store.holder("identity/job"),
        Some(Grant::new("identity/job", lease.holder(), 1))
    );
    store.expire("identity/job");
    lease.lost().await;
    assert!(!lease.is_held());
    let (_, second) = told.recv().await.unwrap();
    let second = second.unwrap();
    assert_eq!(second.token(), 2);
    assert!(second.is_held());
    assert!(first.lease().is_none());
    one.stop().await.into_result().unwrap();
    // It was given back, and not lost.
    assert!(!second.is_held() || store.holder("identity/job").is_none());
}

#[tokio::test(start_paused = true)]
async fn takings_and_losses_are_events() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let registry = replica(&store, Leader::new("one", &journal))
        .build()
        .unwrap();
    let events = lease_events(&registry.handle());
    let one = start(registry);
    reaches(&one.handle(), "job", State::Running).await;
    store.expire("job");
    sleep(TERM).await;
    reaches(&one.handle(), "job", State::Running).await;
    one.stop().await.into_result().unwrap();
    let expected = [
        "lease taken, token 1",
        "lease lost, token 1: the renewal was refused",
        "lease taken, token 2",
    ];
    assert_eq!(events.await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_each_replica_runs_has_no_lease() {
    let (tell, mut told) = unbounded_channel();
    let one = started(
        Registry::builder()
            .leases(InMemoryStore::new())
            .service("job", Asks(tell)),
    );
    let (_, lease) = told.recv().await.unwrap();
    assert!(lease.is_none());
    assert!(one.handle().states()[0].lease.is_none());
    one.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn on_standby_a_replica_shows_who_leads() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let one = started(replica(&store, Leader::new("one", &journal)));
    one.await_healthy().await.unwrap();
    let lease = |handle: &lifecycle::Handle| *handle.states()[0].lease.clone().unwrap();
    let two = started(replica(&store, Leader::new("two", &journal)));
    reaches(&two.handle(), "job", State::Standby).await;
    let begun = Instant::now();
    sleep(TERM * 10).await;
    let (held, waits) = (lease(&one.handle()), lease(&two.handle()));
    assert_eq!((held.leader.clone(), held.term), (None, TERM));
    assert!(held.since.unwrap() <= begun);
    let left = held.until.unwrap() - Instant::now();
    assert!(left > TERM / 2 && left <= TERM * 9 / 10, "{left:?}");
    let leader = waits.leader.unwrap();
    assert_eq!((leader.holder, leader.token), (held.holder, 1));
    assert!(leader.since <= begun + millis(100), "known all the time");
    assert_eq!((waits.token, waits.since, waits.until), (None, None, None));
    one.stop().await.into_result().unwrap();
    reaches(&two.handle(), "job", State::Running).await;
    let handle = two.handle();
    let held = lease(&handle);
    assert_eq!((held.leader, held.token), (None, Some(2)));
    two.stop().await.into_result().unwrap();
    let gone = lease(&handle);
    assert_eq!((gone.leader, gone.token, gone.since), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_follows_another_is_shown_within_a_third_of_the_term() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let first = store
        .take("job", "first", TERM * 100)
        .await
        .unwrap()
        .unwrap();
    let two = started(replica(&store, Leader::new("two", &journal)));
    let leader = |running: &lifecycle::Running| {
        let status = running.handle().states().remove(0);
        let leader = status.lease.unwrap().leader;
        leader.map(|leader| (leader.holder.to_string(), leader.token))
    };
    sleep(TERM / 3).await;
    assert_eq!(leader(&two), Some(("first".to_owned(), 1)));
    store.expire("job");
    // Before the replica that waits.
    store
        .take("job", "second", TERM * 100)
        .await
        .unwrap()
        .unwrap();
    assert!(!store.renew(&first, TERM).await.unwrap());
    sleep(TERM / 3).await;
    assert_eq!(leader(&two), Some(("second".to_owned(), 2)));
    store.set_reachable(false);
    sleep(TERM).await;
    assert_eq!(leader(&two), Some(("second".to_owned(), 2)), "told last");
    two.stop().await.into_result().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_tell_who_leads_is_as_good_a_store() {
    let (store, journal) = (InMemoryStore::new(), Arc::new(Journal::new()));
    let silent = crate::leader::View::new(&store);
    store.take("job", "other", TERM).await.unwrap().unwrap();
    let two = started(replica(&Arc::new(silent), Leader::new("two", &journal)));
    sleep(TERM / 2).await;
    let status = two.handle().states().remove(0);
    assert_eq!((status.state, status.degraded), (State::Standby, None));
    assert_eq!(status.lease.unwrap().leader, None);
    reaches(&two.handle(), "job", State::Running).await;
    two.stop().await.into_result().unwrap();
}
