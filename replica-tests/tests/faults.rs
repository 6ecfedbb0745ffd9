//! Replicas of one program, and what befalls them: signals, a network that is silent, a server that crashes, a clock that is wrong.

use std::process::Command;
use std::time::{Duration, Instant};

use replica_tests::clock::shifted;
use replica_tests::proxy::Proxy;
use replica_tests::replica::Replica;
use replica_tests::server::Server;
use replica_tests::tables::{count, prepared, wrong};
use replica_tests::{SOON, best_of, eventually};

const TERM: Duration = Duration::from_millis(1500);

fn command(url: &str, name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_replica"));
    command.args([url, name, &TERM.as_millis().to_string(), "fenced"]);
    command
}

fn replica(server: &Server, name: &str) -> Replica {
    Replica::start(name, &mut command(&server.url(), name))
}

/// A replica that leads, and one that stands by.
fn two(server: &Server) -> (Replica, Replica) {
    let began = Instant::now();
    let leader = replica(server, "a");
    leader.until("leads", began);
    let other = replica(server, "b");
    other.until("up", began);
    (leader, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_past_its_term_writes_nothing_more() {
    let (server, client) = prepared().await;
    let (leader, other) = two(&server);
    let stopped = Instant::now();
    leader.signal("-STOP");
    other.until("leads ", stopped);
    let before = count(&client, "writes where token = 1").await;
    let going_on = Instant::now();
    leader.signal("-CONT");
    leader.until("lost 1", going_on);
    eventually("the other goes on", SOON, || {
        other
            .when("ran", going_on + Duration::from_secs(1))
            .is_some()
    });
    assert_eq!(count(&client, "writes where token = 1").await, before);
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_within_its_transaction_keeps_nobody_waiting_and_commits_nothing()
{
    let (server, client) = prepared().await;
    let began = Instant::now();
    let leader = Replica::start("a", command(&server.url(), "a").env("HOLDS", ""));
    leader.until("holds", began);
    let other = replica(&server, "b");
    let stopped = other.until("up", began);
    leader.signal("-STOP");
    // The server ends the transaction when the lease would be over, and the other looks again soon after.
    let taken = other.until("leads ", stopped);
    leader.signal("-CONT");
    leader.until("lost 1", taken);
    assert_eq!(count(&client, "writes where token = 1").await, 0);
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_followed_within_a_term_and_its_point_is_caught_up() {
    let (server, client) = prepared().await;
    let began = Instant::now();
    let (leader, other) = two(&server);
    leader.until("ran", began);
    // A point that has begun, and whose job is under way.
    let at = "select name from lifecycle_points where not ended";
    let began = Instant::now();
    while client.query(at, &[]).await.unwrap().is_empty() {
        assert!(began.elapsed() < SOON);
    }
    let killed = Instant::now();
    leader.signal("-KILL");
    let taken = other.until("leads ", killed);
    println!(
        "after SIGKILL: {:?}, with a term of {TERM:?}",
        taken - killed
    );
    other.until("ran", taken);
    assert_eq!(wrong(&client).await, (0, 0));
    assert_eq!(count(&client, "lifecycle_points").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    let (server, client) = prepared().await;
    let (mut leader, mut other) = two(&server);
    let took = best_of(10, TERM / 2, || {
        let asked = Instant::now();
        leader.signal("-TERM");
        let took = other.until("leads", asked) - asked;
        let next = replica(&server, "c");
        // It has asked in vain, and waits.
        next.has("up");
        std::thread::sleep(Duration::from_millis(100));
        leader = std::mem::replace(&mut other, next);
        took
    });
    println!("after SIGTERM: {took:?}");
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_loses_its_lease_and_one_that_all_are_cut_off_from_comes_back() {
    let (server, client) = prepared().await;
    let proxies = [Proxy::to(server.port()), Proxy::to(server.port())];
    let began = Instant::now();
    let start = |name: &str, proxy: &Proxy| {
        Replica::start(name, &mut command(&server.url_at(proxy.port()), name))
    };
    let leader = start("a", &proxies[0]);
    leader.until("ran", began);
    let other = start("b", &proxies[1]);
    other.until("up", began);

    let cut = Instant::now();
    proxies[0].freeze();
    leader.until("lost 1", cut);
    let taken = other.until("leads ", cut);
    other.until("ran", taken);
    proxies[0].thaw();

    let cut = Instant::now();
    proxies.iter().for_each(Proxy::freeze);
    other.until("lost 2", cut);
    // As long as ten minutes are with terms of 30 s.
    tokio::time::sleep(TERM * 3).await;
    let there = Instant::now();
    proxies.iter().for_each(Proxy::thaw);
    eventually("somebody leads again", SOON, || {
        [&leader, &other]
            .iter()
            .any(|replica| replica.when("leads", there).is_some())
    });
    eventually("what was missed is told", SOON, || {
        [&leader, &other]
            .iter()
            .any(|replica| replica.when("missed", there).is_some())
    });
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_grow_and_points_are_not_run_again_when_the_server_crashes() {
    let (server, _) = prepared().await;
    let (leader, other) = two(&server);
    let mut last = 1;
    for _ in 0..2 {
        server.crash();
        let down = Instant::now();
        eventually("the leader steps down", SOON, || {
            [&leader, &other]
                .iter()
                .any(|replica| replica.when("lost", down).is_some())
        });
        let there = Instant::now();
        server.start_again();
        // A server that has just started may answer too late: no replica leads with that token.
        let mut token = None;
        eventually("one leads again", SOON, || {
            token = [&leader, &other]
                .iter()
                .find_map(|replica| replica.token_after(there));
            token.is_some()
        });
        let token = token.unwrap();
        assert!(token > last, "{token} after {last}");
        last = token;
    }
    let client = server.client().await;
    eventually("it runs", SOON, || {
        leader.lines().len() + other.lines().len() > 10
    });
    assert_eq!(wrong(&client).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ten_minutes_ahead_runs_no_point_twice_and_keeps_no_lease_longer() {
    let (server, client) = prepared().await;
    let began = Instant::now();
    let mut ahead = command(&server.url(), "ahead");
    let ahead = Replica::start("ahead", shifted(&mut ahead, "+10m"));
    let ran = ahead.until("ran", began);
    let other = replica(&server, "b");
    let up = other.until("up", ran);
    tokio::time::sleep(TERM * 2).await;
    assert!(other.when("leads", began).is_none(), "two at once");
    let remembered = "lifecycle_points where point > now() + interval '9 minutes'";
    assert_eq!(
        count(&client, remembered).await,
        1,
        "its clock is not ahead"
    );

    ahead.signal("-KILL");
    let taken = other.until("leads ", up);
    tokio::time::sleep(TERM).await;
    // The points of the next ten minutes have begun, and are not begun again; what has ended is not run by the other clock.
    assert!(
        other
            .lines()
            .iter()
            .filter(|line| line.starts_with("ran"))
            .count()
            <= 1
    );
    assert!(
        count(&client, "writes where token = 2").await > 0,
        "{taken:?}"
    );
    assert_eq!(wrong(&client).await, (0, 0));
}
