//! The store by itself, on a server of its own: what it promises, and what keeps it from it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lifecycle::{Grant, Leases, Memory, Point};
use lifecycle_postgres::statements::{MIGRATIONS, VERSION};
use lifecycle_postgres::{Postgres, PostgresError, fence_grant, once_point};
use replica_tests::proxy::Proxy;
use replica_tests::server::Server;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Transaction};

const TERM: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);
/// Less than the term, after which anybody has what is not given back.
const SOON: Duration = Duration::from_secs(20);

async fn taken(store: &Postgres, name: &str, holder: &str, term: Duration) -> Grant {
    let grant = store.take(name, holder, term).await.unwrap();
    grant.unwrap_or_else(|| panic!("`{name}` is not free for {holder}"))
}

async fn fence(tx: &mut Transaction<'_>, grant: &Grant) -> bool {
    match fence_grant(tx, grant).await {
        Ok(()) => true,
        Err(PostgresError::TakenOver { .. }) => false,
        Err(error) => panic!("{error}: {:?}", error.source()),
    }
}

fn point(seconds: u64, attempt: u32) -> Point {
    Point::new(
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds),
        attempt,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_make_the_tables_once() {
    let server = Server::start();
    let racers: Vec<_> = (0..16)
        .map(|racer| {
            let store = Postgres::connect(server.url());
            tokio::spawn(async move {
                taken(&store, &format!("race/{racer}"), "me", TERM)
                    .await
                    .token
            })
        })
        .collect();
    for racer in racers {
        assert_eq!(racer.await.unwrap(), 1);
    }
    let versions = server
        .client()
        .await
        .query("select version from lifecycle_schema", &[])
        .await;
    let versions: Vec<i32> = versions.unwrap().iter().map(|row| row.get(0)).collect();
    let all: Vec<i32> = (1..).take(MIGRATIONS.len()).collect();
    assert_eq!(versions, all);
}

/// With defaults of role and database that would make each collision an error.
#[tokio::test(flavor = "multi_thread")]
async fn racers_have_a_lease_one_after_the_other_and_see_no_error() {
    let server = Server::start();
    server
        .client()
        .await
        .batch_execute(
            "alter role postgres set default_transaction_isolation = 'serializable';
             alter role postgres set synchronous_commit = 'off'",
        )
        .await
        .unwrap();
    let held = Arc::new(AtomicU64::new(0));
    let racers: Vec<_> = (0..8)
        .map(|racer| {
            let (store, held) = (Postgres::connect(server.url()), held.clone());
            tokio::spawn(async move {
                let (mut wins, mut last) = (0, 0);
                while wins < 20 {
                    let Some(grant) = store.take("n", &format!("r{racer}"), TERM).await.unwrap()
                    else {
                        store.freed("n").await;
                        continue;
                    };
                    assert_eq!(held.swap(grant.token, Ordering::SeqCst), 0, "two at once");
                    assert!(grant.token > last, "{} after {last}", grant.token);
                    last = grant.token;
                    wins += 1;
                    tokio::task::yield_now().await;
                    held.store(0, Ordering::SeqCst);
                    assert!(store.give_back(&grant).await.unwrap());
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
}

#[tokio::test]
async fn a_malformed_url_is_permanent_and_an_absent_server_is_not() {
    let error = Postgres::connect("postgres://").take("x", "me", TERM).await;
    let error = told(&error.unwrap_err());
    assert!(
        error.starts_with("permanent: the URL of PostgreSQL names no host"),
        "{error}"
    );
    let error = Postgres::connect("no url").take("x", "me", TERM).await;
    let error = told(&error.unwrap_err());
    assert!(
        error.starts_with("permanent: the URL of PostgreSQL is malformed"),
        "{error}"
    );

    let away = Postgres::connect("postgres://me@127.0.0.1:1/db").timeout(SHORT);
    let error = told(&away.take("x", "me", TERM).await.unwrap_err());
    assert!(error.starts_with("can't connect to PostgreSQL"), "{error}");
}

/// The error as text, with its sources, and with its mark.
fn told(error: &lifecycle::BoxError) -> String {
    let permanent = error.is::<lifecycle::Permanent>();
    let text = chain(error.as_ref());
    if permanent {
        format!("permanent: {text}")
    } else {
        text
    }
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn a_role_without_privileges_fails_for_good_and_those_of_the_readme_are_enough() {
    let server = Server::start();
    let admin = server.client().await;
    admin
        .batch_execute("create role app login; create role job login")
        .await
        .unwrap();
    let as_role =
        |role: &str| Postgres::connect(server.url().replace("postgres@", &format!("{role}@")));

    let error = told(&as_role("app").take("x", "me", TERM).await.unwrap_err());
    assert!(
        error.starts_with("permanent: can't create the tables"),
        "{error}"
    );
    assert!(
        error.contains("permission denied for schema public"),
        "{error}"
    );

    // As an administrator does it.
    admin.batch_execute(VERSION).await.unwrap();
    for (step, migration) in MIGRATIONS.iter().enumerate() {
        let took = format!(
            "insert into lifecycle_schema (version) values ({})",
            step + 1
        );
        admin
            .batch_execute(&format!("begin; {migration}; {took}; commit"))
            .await
            .unwrap();
    }
    let error = told(
        &as_role("app")
            .without_migrations()
            .take("x", "me", TERM)
            .await
            .unwrap_err(),
    );
    assert!(
        error.starts_with("permanent: PostgreSQL failed to take a lease"),
        "{error}"
    );
    assert!(
        error.contains("permission denied for table lifecycle_leases"),
        "{error}"
    );

    let readme = include_str!("../../lifecycle-postgres/README.md");
    for line in readme.lines().filter(|line| line.starts_with("grant ")) {
        admin
            .batch_execute(line)
            .await
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let app = as_role("app");
    let grant = taken(&app, "x", "me", TERM).await;
    assert!(app.renew(&grant, TERM).await.unwrap());
    assert!(Memory::begin(&app, "x", &point(0, 0)).await.unwrap());
    let (mut job, connection) = tokio_postgres::connect(
        &server.url().replace("postgres@", "job@"),
        tokio_postgres::NoTls,
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let mut tx = job.transaction().await.unwrap();
    assert!(fence(&mut tx, &grant).await);
    once_point(&mut tx, "x", &point(0, 0)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_take_over_does_not_wait_for_a_fenced_transaction_and_comes_when_that_has_ended() {
    let server = Server::start();
    let (old, new) = (
        Postgres::connect(server.url()),
        Postgres::connect(server.url()),
    );
    // What ends an idle transaction may end it before the job has said that it is at it: not in so long a term.
    let term = SHORT * 8;
    let grant = taken(&old, "n", "old", term).await;
    let mut job = server.client().await;
    let mut tx = job.transaction().await.unwrap();
    // The job is at it all the time: what ends an idle transaction does not end this one.
    tx.batch_execute("set local idle_in_transaction_session_timeout = '1min'")
        .await
        .unwrap();
    assert!(fence(&mut tx, &grant).await);
    tx.batch_execute("set local idle_in_transaction_session_timeout = '1min'")
        .await
        .unwrap();

    sleep(term).await;
    assert!(
        !old.renew(&grant, SHORT).await.unwrap(),
        "renewed after its term"
    );
    for _ in 0..5 {
        let asked = Instant::now();
        assert!(
            new.take("n", "new", TERM).await.unwrap().is_none(),
            "taken from a fenced transaction"
        );
        assert!(
            asked.elapsed() < Duration::from_secs(4),
            "it waited {:?}",
            asked.elapsed()
        );
        // The one connection is free for others.
        taken(&new, "other", "new", Duration::ZERO).await;
    }
    tx.commit().await.unwrap();
    timeout(SOON, new.freed("n")).await.expect("no hint");
    assert_eq!(taken(&new, "n", "new", TERM).await.token, grant.token + 1);

    let mut tx = job.transaction().await.unwrap();
    let error = fence_grant(&mut tx, &grant).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lease `n` was taken over: this replica had token 1, `new` has token 2"
    );
}

#[tokio::test]
async fn a_renewal_waits_for_no_job_and_a_given_back_lease_fences_nothing() {
    let server = Server::start();
    let store = Postgres::connect(server.url());
    let grant = taken(&store, "n", "me", TERM).await;
    assert!(store.begin("n", &point(0, 0)).await.unwrap());
    let mut job = server.client().await;
    let mut tx = job.transaction().await.unwrap();
    assert!(fence(&mut tx, &grant).await);
    once_point(&mut tx, "n", &point(0, 0)).await.unwrap();
    for _ in 0..3 {
        assert!(store.renew(&grant, TERM).await.unwrap());
    }
    // The point is neither free nor ended before the job's commit, and nobody waits for that.
    let busy = told(&store.begin("n", &point(0, 1)).await.unwrap_err());
    assert_eq!(busy, "another transaction is at the points of `n`");
    assert!(store.end("n", &point(0, 0)).await.is_err());
    tx.commit().await.unwrap();
    assert!(
        !store.begin("n", &point(0, 1)).await.unwrap(),
        "the point ended with the job"
    );
    assert!(store.end("n", &point(0, 0)).await.unwrap());

    assert!(store.give_back(&grant).await.unwrap());
    assert!(!store.give_back(&grant).await.unwrap());
    let mut tx = job.transaction().await.unwrap();
    assert!(
        !fence(&mut tx, &grant).await,
        "a lease that was given back fences"
    );
}

#[tokio::test]
async fn a_transaction_that_is_idle_for_the_rest_of_the_term_is_ended() {
    let server = Server::start();
    let (old, new) = (
        Postgres::connect(server.url()),
        Postgres::connect(server.url()),
    );
    let grant = taken(&old, "n", "old", SHORT).await;
    let mut job = server.client().await;
    let mut tx = job.transaction().await.unwrap();
    assert!(fence(&mut tx, &grant).await);
    let began = Instant::now();
    while new.take("n", "new", TERM).await.unwrap().is_none() {
        assert!(
            began.elapsed() < SOON,
            "the idle transaction holds the lease"
        );
        new.freed("n").await;
    }
    assert!(tx.commit().await.is_err(), "committed after the take-over");
}

#[tokio::test]
async fn a_shorter_idle_timeout_of_the_session_is_kept() {
    let server = Server::start();
    let store = Postgres::connect(server.url());
    let grant = taken(&store, "n", "me", TERM).await;
    let mut job = server.client().await;
    for (set, want) in [("0", "2"), ("1s", "1s"), ("1h", "2")] {
        job.batch_execute(&format!(
            "set idle_in_transaction_session_timeout = '{set}'"
        ))
        .await
        .unwrap();
        let mut tx = job.transaction().await.unwrap();
        assert!(fence(&mut tx, &grant).await);
        let now: String = tx
            .query_one("show idle_in_transaction_session_timeout", &[])
            .await
            .unwrap()
            .get(0);
        assert!(now.starts_with(want), "{set} became {now}");
        tx.commit().await.unwrap();
        let after: String = job
            .query_one("show idle_in_transaction_session_timeout", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(after, set);
    }
}

/// A foreign key's check locks this way under every level of isolation, so renewals don't make the job's transaction fail.
#[tokio::test]
async fn a_fence_holds_under_serializable_transactions_too() {
    let server = Server::start();
    let store = Postgres::connect(server.url());
    let grant = taken(&store, "n", "me", TERM).await;
    let mut job = server.client().await;
    let mut tx = job
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::Serializable)
        .start()
        .await
        .unwrap();
    tx.query("select 1 from lifecycle_points", &[])
        .await
        .unwrap();
    assert!(store.renew(&grant, TERM).await.unwrap());
    assert!(fence(&mut tx, &grant).await);
    assert!(store.renew(&grant, TERM).await.unwrap());
    tx.commit().await.unwrap();

    let mut tx = job
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .start()
        .await
        .unwrap();
    tx.query("select 1 from lifecycle_points", &[])
        .await
        .unwrap();
    assert!(store.give_back(&grant).await.unwrap());
    taken(&store, "n", "other", TERM).await;
    let error = fence_grant(&mut tx, &grant).await.unwrap_err();
    assert!(matches!(error, PostgresError::Statement { .. }), "{error}");
    assert!(
        chain(&error).contains("could not serialize access"),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn what_is_given_back_is_told_at_once() {
    let server = Server::start();
    let (old, new) = (
        Postgres::connect(server.url()),
        Postgres::connect(server.url()),
    );
    for name in ["n".to_owned(), "ü".repeat(3000)] {
        let grant = taken(&old, &name, "old", TERM).await;
        assert!(new.take(&name, "new", TERM).await.unwrap().is_none());
        // Before anybody waits for it.
        assert!(old.give_back(&grant).await.unwrap());
        timeout(SOON, new.freed(&name)).await.expect("no hint");
        assert!(taken(&new, &name, "new", TERM).await.token > grant.token);
    }
}

#[tokio::test]
async fn a_take_that_nobody_waits_for_any_more_is_given_back() {
    let server = Server::start();
    let store = Postgres::connect(server.url());
    taken(&store, "warm", "me", TERM).await;
    for round in 0..50 {
        let asked = timeout(
            Duration::from_micros(10 * round),
            store.take("n", "me", TERM),
        )
        .await;
        if let Ok(Ok(Some(grant))) = asked {
            assert!(store.give_back(&grant).await.unwrap());
        }
        let began = Instant::now();
        while let Ok(None) = store.take("n", "other", Duration::from_millis(1)).await {
            assert!(began.elapsed() < SOON, "taken for nobody");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_dropped_unread_leaves_no_lease_behind() {
    let server = Server::start();
    let (store, other) = (
        Postgres::connect(server.url()),
        Postgres::connect(server.url()),
    );
    replica_tests::drop_an_answer_unread(&store, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_go_on_growing_when_the_server_crashes_and_the_store_comes_back_by_itself() {
    let server = Server::start();
    let store = Postgres::connect(server.url());
    let mut last = taken(&store, "n", "me", TERM).await;
    assert!(store.begin("n", &point(0, 0)).await.unwrap());
    for _ in 0..3 {
        server.crash();
        assert!(
            store
                .renew(&last, Duration::from_millis(600))
                .await
                .is_err(),
            "renewed by nobody"
        );
        server.start_again();
        let began = Instant::now();
        while !matches!(store.renew(&last, TERM).await, Ok(true)) {
            assert!(began.elapsed() < SOON, "the store does not come back");
        }
        assert!(store.give_back(&last).await.unwrap());
        let next = taken(&store, "n", "me", TERM).await;
        assert_eq!(next.token, last.token + 1);
        last = next;
    }
    assert!(
        !store.begin("n", &point(0, 0)).await.unwrap(),
        "a point began twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_silent_is_given_up_in_bounded_time() {
    let server = Server::start();
    let proxy = Proxy::to(server.port());
    let grant = taken(&Postgres::connect(server.url()), "n", "me", TERM).await;
    let store = Postgres::connect(server.url_at(proxy.port())).timeout(SHORT);
    let began = Instant::now();
    while store.renew(&grant, TERM).await.is_err() {
        assert!(began.elapsed() < SOON, "it does not connect");
    }
    proxy.freeze();
    for _ in 0..3 {
        let asked = Instant::now();
        let error = told(&store.renew(&grant, TERM).await.unwrap_err());
        assert!(error.starts_with("PostgreSQL does not answer"), "{error}");
        assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
        assert!(
            store
                .give_back(&Grant::new("other", "me", 1))
                .await
                .is_err()
        );
    }
    proxy.thaw();
    let began = Instant::now();
    while store.renew(&grant, TERM).await.is_err() {
        assert!(began.elapsed() < SOON, "the store does not come back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_ends_with_the_last_clone() {
    let server = Server::start();
    let watcher = server.client().await;
    let store = Postgres::connect(server.url());
    taken(&store, "n", "me", TERM).await;
    let clone: Arc<dyn Leases> = Arc::new(store.clone());
    drop(store);
    assert_eq!(connections(&watcher).await, 1);
    drop(clone);
    let began = Instant::now();
    while connections(&watcher).await > 0 {
        assert!(began.elapsed() < SOON, "it is still there");
    }
}

async fn connections(client: &Client) -> i64 {
    let count = "select count(*) from pg_stat_activity where application_name = 'lifecycle'";
    client.query_one(count, &[]).await.unwrap().get(0)
}

/// Not the clock of the replica, whatever that says.
#[tokio::test]
async fn a_point_is_kept_to_the_microsecond() {
    let server = Server::start();
    let store = Postgres::connect(server.url());
    for at in [
        UNIX_EPOCH + Duration::from_micros(1_795_646_675_123_457),
        SystemTime::UNIX_EPOCH - Duration::from_micros(1),
    ] {
        let name = format!("{at:?}");
        let point = Point::new(at, 7);
        assert!(store.last(&name).await.unwrap().is_none());
        assert!(store.begin(&name, &point).await.unwrap());
        let last = store.last(&name).await.unwrap().unwrap();
        assert_eq!(
            (last.point.at, last.point.attempt, last.ended),
            (at, 7, false)
        );
    }
}
