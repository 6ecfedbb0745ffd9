//! Replicas of an application, whose registry keeps leases and memory on PostgreSQL, and a PostgreSQL that can't be had: what is written, what
//! is logged, and what the page shows.

use std::process::Command;
use std::time::{Duration, Instant};

use replica_tests::proxy::Proxy;
use replica_tests::replica::Replica;
use replica_tests::server::Server;
use replica_tests::tables::{count, eventually_count, prepared, unexplained, wrong};
use replica_tests::{SOON, eventually};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

fn command(url: &str, name: &str, term: Duration) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_application"));
    let term = term.as_millis().to_string();
    command.args([url, name]).env("TERM_MS", term);
    command
}

fn replica(server: &Server, name: &str, term: Duration) -> Replica {
    Replica::start(name, &mut command(&server.url(), name, term))
}

/// One that leads both services, and one that stands by for both.
fn leader_and_other(leader: Replica, other: impl FnOnce() -> Replica) -> (Replica, Replica) {
    let began = leader.has("lease taken service=leader");
    leader.has("lease taken service=report");
    let other = other();
    other.until("ops listens", began);
    (leader, other)
}

/// State, token and what is amiss, by the page. A job that fails is amiss too.
fn shown(replica: &Replica, service: &str) -> (String, Option<u64>, Option<String>) {
    let mut status = None;
    eventually("its page answers", SOON, || {
        status = replica.status(service);
        status.is_some()
    });
    let status = status.unwrap();
    (
        status["state"].as_str().unwrap().to_owned(),
        status["lease"]["token"].as_u64(),
        status["degraded"].as_str().map(str::to_owned),
    )
}

fn running(token: u64) -> (String, Option<u64>, Option<String>) {
    ("running".to_owned(), Some(token), None)
}

fn standby() -> (String, Option<u64>, Option<String>) {
    ("standby".to_owned(), None, None)
}

/// Whether a probe would send requests to it.
fn is_ready(replica: &Replica) -> bool {
    let mut answer = None;
    eventually("its page answers", SOON, || {
        answer = replica.ask("/readyz");
        answer.is_some()
    });
    answer.unwrap().starts_with("HTTP/1.1 200")
}

/// As [`times`], after that instant: a busy machine may have been too slow for the lease before.
fn times_after(replica: &Replica, told: &str, after: Instant) -> usize {
    let mut times = 0;
    let mut next = replica.when(told, after);
    while let Some(at) = next {
        times += 1;
        next = replica.when(told, at + Duration::from_nanos(1));
    }
    times
}

fn times(replica: &Replica, told: &str) -> usize {
    let lines = replica.lines();
    lines.iter().filter(|line| line.contains(told)).count()
}

/// How long the lease of the leader is good for, in seconds.
async fn holds_for(client: &Client) -> f64 {
    let left = "select extract(epoch from until - clock_timestamp())::float8 from lifecycle_leases where name = 'test/leader'";
    client.query_one(left, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_of_the_application_costs_no_lease() {
    let term = Duration::from_secs(3);
    let (server, client) = prepared().await;
    let hog = term * 4;
    let mut hogged = command(&server.url(), "a", term);
    hogged
        .env("POOL", "1")
        .env("HOG_MS", hog.as_millis().to_string());
    let (leader, other) = leader_and_other(Replica::start("a", &mut hogged), || {
        replica(&server, "b", term)
    });
    let full = leader.has("hogs");
    leader.until("tick failed service=leader", full);
    let before = count(&client, "writes").await;
    while full.elapsed() < hog.mul_f64(0.9) {
        assert!(holds_for(&client).await > 0.0, "its term is over");
        let (state, token, degraded) = shown(&leader, "leader");
        assert_eq!((state.as_str(), token), ("running", Some(1)));
        let degraded = degraded.unwrap_or_default();
        assert!(!degraded.contains("lease"), "{degraded}");
        assert_eq!(shown(&other, "leader"), standby());
        sleep(term / 10).await;
    }
    assert_eq!(count(&client, "writes").await, before);
    let free = leader.until("hogs no more", full);
    eventually("it writes again", SOON, || {
        leader.when("ran ", free).is_some()
    });
    for told in ["degraded", "lease lost"] {
        assert_eq!(times(&leader, told), 0, "{told}: {:#?}", leader.lines());
    }
    eventually("its job does well again", SOON, || {
        shown(&leader, "leader") == running(1)
    });
    eventually_count(&client, "writes where token = 1", before).await;
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_free_connection_costs_no_lease_and_is_told_by_a_replica_that_comes() {
    let term = Duration::from_secs(2);
    let (server, client) = prepared().await;
    let (leader, _other) =
        leader_and_other(replica(&server, "a", term), || replica(&server, "b", term));
    leader.has("ran ");
    let mut all = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(&server.url(), NoTls).await {
        tokio::spawn(connection);
        all.push(client);
    }
    let began = Instant::now();
    let late = replica(&server, "c", term);
    let told = late.until("degraded service=leader", began);
    let why = "the lease store does not answer: can't connect to PostgreSQL";
    eventually("the page tells why", SOON, || {
        let (state, token, degraded) = shown(&late, "leader");
        assert_eq!((state.as_str(), token), ("standby", None));
        degraded.is_some_and(|told| told.starts_with(why) && told.contains("too many clients"))
    });
    assert!(is_ready(&late));

    sleep(term * 3).await;
    assert_eq!(times(&leader, "lease lost"), 0);
    assert_eq!(
        times(&late, "degraded service=leader"),
        1,
        "it is told once"
    );
    drop(all);
    late.until("recovered service=leader", told);
    assert_eq!(shown(&late, "leader"), standby());
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_within_a_term_costs_no_lease() {
    let term = Duration::from_secs(15);
    let (server, _) = prepared().await;
    let (leader, other) =
        leader_and_other(replica(&server, "a", term), || replica(&server, "b", term));
    leader.has("ran ");
    let down = Instant::now();
    server.crash();
    for service in ["leader", "report"] {
        leader.until(&format!("degraded service={service}"), down);
        let (state, token, degraded) = shown(&leader, service);
        assert_eq!((state.as_str(), token), ("running", Some(1)));
        assert!(degraded.is_some());
    }
    leader.until("why=\"the lease store does not answer: ", down);
    assert!(is_ready(&leader));
    let up = Instant::now();
    server.start_again();
    for service in ["leader", "report"] {
        leader.until(&format!("recovered service={service}"), up);
        eventually("its job does well again", SOON, || {
            shown(&leader, service) == running(1)
        });
    }
    leader.until("ran ", up);
    assert_eq!(times(&leader, "lease lost"), 0, "{:#?}", leader.lines());
    assert_eq!(times(&other, "lease taken"), 0, "{:#?}", other.lines());
    let client = server.client().await;
    assert_eq!(wrong(&client).await, (0, 0));
    assert_eq!(count(&client, "writes where token > 1").await, 0);
}

/// As ten minutes are with terms of 30 s.
const AWAY: u32 = 20;

/// What a replica shows while the store is away for longer than its term, whether that refuses or is silent.
async fn away(term: Duration, replicas: [&Replica; 2], since: Instant) {
    let [leader, other] = replicas;
    for service in ["leader", "report"] {
        let lost = leader.until(&format!("lease lost service={service}"), since);
        leader.until("why=the lease store did not answer in time", since);
        assert!(
            lost - since < term * 3,
            "it led for {:?} after the last answer",
            lost - since
        );
    }
    leader.until("drained ", since);
    sleep((term * AWAY).saturating_sub(since.elapsed())).await;
    for replica in replicas {
        for service in ["leader", "report"] {
            let (state, token, degraded) = shown(replica, service);
            assert_eq!((state.as_str(), token), ("standby", None));
            let degraded = degraded.unwrap();
            let why = "the lease store does not answer: ";
            assert!(degraded.starts_with(why), "{degraded}");
            // Each once for all of that time, if it was not told just before: a run may have been under way, whose
            // point the memory did not take.
            for silent in ["lease store", "memory of the schedule"] {
                let told = format!("degraded service={service} why=\"the {silent} does not answer");
                let times = times_after(replica, &told, since);
                assert!(times <= 1, "{told}: {:#?}", replica.lines());
            }
        }
        assert!(is_ready(replica), "standby is healthy");
    }
    assert_eq!(times_after(leader, "drained ", since), 1);
    assert_eq!(times_after(other, "lease taken", since), 0);
}

/// And when it is back: one of them leads, and what was missed is made up for by one run.
async fn back(server: &Server, replicas: [&Replica; 2], since: Instant) {
    for replica in replicas {
        for service in ["leader", "report"] {
            replica.until(&format!("recovered service={service}"), since);
        }
    }
    for service in ["leader", "report"] {
        let told = format!("lease taken service={service}");
        let leads = || replicas.map(|replica| replica.when(&told, since).is_some());
        eventually("one leads again", SOON, || leads().contains(&true));
        let [one, two] = leads();
        assert!(!(one && two), "both lead `{service}`");
    }
    eventually("it runs", SOON, || {
        let ran = |replica: &&Replica| replica.when("ran ", since).is_some();
        replicas.iter().any(ran)
    });
    let client = server.client().await;
    assert_eq!(wrong(&client).await, (0, 0));
    let lines: Vec<String> = replicas
        .iter()
        .flat_map(|replica| replica.lines())
        .collect();
    let (silent, course) = unexplained(&client, &lines).await;
    assert_eq!(silent, Vec::<i64>::new(), "{lines:#?}");
    assert!(course.missed > 5, "{course:?}");
    let stood_for: i64 = count(&client, "runs where missed > 5").await;
    assert_eq!(stood_for, 1, "one run for all: {lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_for_many_terms_leaves_all_on_standby_and_degraded_until_it_is_back() {
    let term = Duration::from_millis(1500);
    let (server, _) = prepared().await;
    let (leader, other) =
        leader_and_other(replica(&server, "a", term), || replica(&server, "b", term));
    leader.has("ran ");
    let down = Instant::now();
    server.crash();
    away(term, [&leader, &other], down).await;
    let up = Instant::now();
    server.start_again();
    back(&server, [&leader, &other], up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_silent_for_many_terms_leaves_all_on_standby_and_degraded_until_it_is_back()
{
    let term = Duration::from_millis(1500);
    let (server, _) = prepared().await;
    let proxy = Proxy::to(server.port());
    let start = |name| {
        let url = server.url_at(proxy.port());
        Replica::start(name, &mut command(&url, name, term))
    };
    let (leader, other) = leader_and_other(start("a"), || start("b"));
    leader.has("ran ");
    let down = Instant::now();
    proxy.freeze();
    away(term, [&leader, &other], down).await;
    let up = Instant::now();
    proxy.thaw();
    back(&server, [&leader, &other], up).await;
}
