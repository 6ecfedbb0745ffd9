//! Replicas of an application whose registry has its leases on PostgreSQL: who follows a leader, and after how long.

use std::process::Command;
use std::time::{Duration, Instant};

use replica_tests::clock::shifted;
use replica_tests::replica::Replica;
use replica_tests::server::Server;
use replica_tests::tables::{count, eventually_count, prepared, wrong};
use replica_tests::{SOON, best_of, eventually};
use tokio::time::sleep;
use tokio_postgres::Client;

const TERM: Duration = Duration::from_secs(2);

fn command(server: &Server, name: &str, term: Duration) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_application"));
    let term = term.as_millis().to_string();
    command.args([&server.url(), name]).env("TERM_MS", term);
    command
}

fn replica(server: &Server, name: &str, term: Duration) -> Replica {
    Replica::start(name, &mut command(server, name, term))
}

/// One that has asked for its leases in vain: it knows who leads.
fn standby(server: &Server, name: &str, term: Duration) -> Replica {
    let other = replica(server, name, term);
    let knows = || {
        let status = other.status("leader")?;
        status["lease"]["leader"]["token"].as_u64()
    };
    eventually("it is on standby", SOON, || knows().is_some());
    let taken = |line: &String| line.contains("leads");
    assert!(!other.lines().iter().any(taken), "two at once");
    other
}

/// Waits until this leader has written: one that is taken down before leaves no trace.
async fn has_written(client: &Client, replica: usize) {
    let writes = format!("writes where holder = 'replica {replica}'");
    eventually_count(client, &writes, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_one_leads_and_another_follows_when_it_stops_is_killed_or_is_frozen() {
    let (server, client) = prepared().await;
    let mut began = Instant::now();
    let mut leader = replica(&server, "replica 0", TERM);
    leader.until("leads", began);
    for (number, signal) in ["-TERM", "-KILL", "-STOP"].into_iter().enumerate() {
        let next = standby(&server, &format!("replica {}", number + 1), TERM);
        has_written(&client, number).await;
        began = Instant::now();
        leader.signal(signal);
        let leads = next.until("leads", began);
        println!("after {signal}: {:?}", leads - began);
        if signal == "-STOP" {
            leader.signal("-CONT");
            leader.until("drained", began);
        }
        leader = next;
    }
    has_written(&client, 3).await;
    assert_eq!(
        count(&client, "(select distinct holder from writes) as h").await,
        4
    );
    assert_eq!(wrong(&client).await, (0, 0));
}

/// A term plays no part: the lease is given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_asked_to_stop_is_followed_within_200_ms() {
    let term = Duration::from_secs(20);
    let (server, client) = prepared().await;
    let mut leader = replica(&server, "replica 0", term);
    leader.has("leads");
    let mut number = 0;
    let took = best_of(20, Duration::from_millis(200), || {
        number += 1;
        let next = standby(&server, &format!("replica {number}"), term);
        let asked = Instant::now();
        leader.signal("-TERM");
        let took = next.until("leads", asked) - asked;
        leader = next;
        took
    });
    println!("after SIGTERM: {took:?}");
    assert_eq!(wrong(&client).await, (0, 0));
}

/// A term after the last renewal, and a third of it for the next look; what is more is for a busy machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_followed_within_a_term_and_a_poll() {
    let (server, client) = prepared().await;
    let mut leader = replica(&server, "replica 0", TERM);
    leader.has("leads");
    let mut number = 0;
    let took = best_of(8, TERM * 4 / 3 + Duration::from_millis(500), || {
        number += 1;
        let next = standby(&server, &format!("replica {number}"), TERM);
        let killed = Instant::now();
        leader.signal("-KILL");
        let took = next.until("leads", killed) - killed;
        leader = next;
        took
    });
    println!("after SIGKILL: {took:?}, with a term of {TERM:?}");
    assert_eq!(wrong(&client).await, (0, 0));
}

/// It leads as long as it renews and no longer, and each point of either clock is run once at most.
async fn a_clock_that_is_off(by: &str) {
    let (server, client) = prepared().await;
    let off = |name: &str| {
        let mut command = command(&server, name, TERM);
        let off = Replica::start(name, shifted(&mut command, by));
        off.has("standby service=report");
        off
    };
    let first = off("off");
    first.has("ran ");
    let near = "runs where abs(extract(epoch from point - now())) between 590 and 610";
    assert!(count(&client, near).await > 0, "its clock is right");
    let right = standby(&server, "right", TERM);
    sleep(TERM * 2).await;
    let taken = |line: &String| line.contains("lease taken");
    assert!(!right.lines().iter().any(taken), "two at once");

    let killed = Instant::now();
    first.signal("-KILL");
    right.until("lease taken service=report", killed);
    let leads = right.until("leads", killed);
    println!(
        "after SIGKILL of one that is off by {by}: {:?}",
        leads - killed
    );
    sleep(TERM).await;
    // And back, by a clock that is off in the same way.
    let again = off("off again");
    let asked = Instant::now();
    right.signal("-TERM");
    again.until("lease taken service=report", asked);
    again.until("leads", asked);
    sleep(TERM).await;
    assert_eq!(wrong(&client).await, (0, 0));
    assert_eq!(
        count(&client, "(select distinct token from writes) as t").await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ten_minutes_ahead_leads_no_longer_and_runs_no_point_twice() {
    a_clock_that_is_off("+10m").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ten_minutes_behind_leads_no_longer_and_runs_no_point_twice() {
    a_clock_that_is_off("-10m").await;
}
