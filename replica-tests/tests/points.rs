//! A schedule that PostgreSQL remembers, whose process is killed again and again: each point takes effect once, and none is left out.

use std::process::Command;
use std::time::{Duration, Instant};

use replica_tests::replica::Replica;
use replica_tests::server::Server;
use replica_tests::{SOON, eventually};
use tokio_postgres::Client;

fn nightly(server: &Server, name: &str, more: &[&str]) -> Replica {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightly"));
    Replica::start(name, command.args([&server.url(), name]).args(more))
}

async fn count(client: &Client, of: &str) -> i64 {
    let count = format!("select count(*) from {of}");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

const TWICE: &str = "(select point from runs group by point having count(*) > 1) as twice";

/// Kills the process so many times, each time when it has just done something, and lets it end by itself at last.
async fn killed(times: usize, more: &[&str]) -> (Server, Client) {
    let server = Server::start();
    let client = server.client().await;
    client
        .batch_execute("create table runs (point timestamptz, attempt bigint, holder text)")
        .await
        .unwrap();
    for number in 0..times {
        let began = Instant::now();
        let process = nightly(&server, &format!("process {number}"), more);
        process.until("ran", began);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..300))).await;
        process.signal("-KILL");
    }
    let began = Instant::now();
    let mut last = nightly(&server, "the last", more);
    let caught_up = "lifecycle_points where point > now() - interval '1s'";
    let mut points = 0;
    while points == 0 {
        assert!(began.elapsed() < SOON, "{:#?}", last.lines());
        tokio::time::sleep(Duration::from_millis(20)).await;
        points = count(&client, caught_up).await;
    }
    last.signal("-TERM");
    eventually("it stops", SOON, || !last.is_up());
    (server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_that_is_marked_in_its_transaction_takes_effect_once_whoever_is_killed_when() {
    let (_server, client) = killed(15, &[]).await;
    assert_eq!(count(&client, TWICE).await, 0, "points took effect twice");
    let gaps = "(select point - lag(point) over (order by point) as step from runs) as steps where step <> interval '250ms'";
    assert_eq!(count(&client, gaps).await, 0, "points are left out");
    assert!(count(&client, "runs").await > 15);
}

/// What the test above would show if the mark did nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_point_that_is_not_marked_is_run_again_after_a_kill() {
    let (_server, client) = killed(40, &["unmarked"]).await;
    assert!(
        count(&client, TWICE).await > 0,
        "the test of the mark can't fail"
    );
}
