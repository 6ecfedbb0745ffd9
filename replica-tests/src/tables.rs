//! The tables that the jobs of replicas write to, and what they may not show.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::Client;

use crate::SOON;
use crate::server::Server;

/// A server with the tables, and a connection to it.
///
/// # Panics
///
/// Where there is no server.
pub async fn prepared() -> (Server, Client) {
    let server = Server::start();
    let client = server.client().await;
    client
        .batch_execute(
            "create table writes (id bigserial, token bigint, holder text, at timestamptz default clock_timestamp());
             create table runs (
                point timestamptz, attempt bigint, missed bigint not null default 0, token bigint, holder text)",
        )
        .await
        .unwrap();
    (server, client)
}

/// How many rows there are in this, after `from`.
///
/// # Panics
///
/// When the server does not answer.
pub async fn count(client: &Client, of: &str) -> i64 {
    let count = format!("select count(*) from {of}");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

/// Waits until there are more rows than these.
///
/// # Panics
///
/// When there are none after some time, or the server does not answer.
pub async fn eventually_count(client: &Client, of: &str, before: i64) {
    let began = Instant::now();
    while count(client, of).await <= before {
        assert!(began.elapsed() < SOON, "no further rows of {of}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Writes of a holder after one of a later holder, and points that have ended twice.
///
/// # Panics
///
/// When the server does not answer.
pub async fn wrong(client: &Client) -> (i64, i64) {
    let stale = "(select token, max(token) over (order by id) as newest from writes) as w where token < newest";
    let twice = "(select point from runs group by point having count(*) > 1) as p";
    (count(client, stale).await, count(client, twice).await)
}

/// The points of each second from the first that was run to the last that were not, and that neither these lines tell of nor the
/// run that stands for them; and how many there were and were run.
///
/// # Panics
///
/// When the server does not answer.
pub async fn unexplained(client: &Client, lines: &[String]) -> (Vec<i64>, Course) {
    let told = told(lines);
    let rows = client
        .query(
            "select extract(epoch from point)::bigint, missed from runs order by point",
            &[],
        )
        .await
        .unwrap();
    let rows: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut unexplained = Vec::new();
    let mut course = Course::default();
    for two in rows.windows(2) {
        let ((before, _), (point, missed)) = (two[0], two[1]);
        let gap: Vec<i64> = (before + 1..point).collect();
        let silent: Vec<i64> = gap
            .iter()
            .copied()
            .filter(|point| !told.contains(point))
            .collect();
        course.points += point - before;
        course.missed += i64::try_from(gap.len()).unwrap();
        if i64::try_from(silent.len()).unwrap() > missed {
            unexplained.extend(silent);
        }
    }
    course.points += i64::from(!rows.is_empty());
    course.ran = i64::try_from(rows.len()).unwrap();
    (unexplained, course)
}

/// How the points of a course went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// How many there were, from the first that was run to the last.
    pub points: i64,
    /// How many were run.
    pub ran: i64,
    /// How many had no run of their own.
    pub missed: i64,
}

/// The points that lines like `missed 1764 1767` and `failed 1764: no answer` tell of.
fn told(lines: &[String]) -> BTreeSet<i64> {
    let mut told = BTreeSet::new();
    for line in lines {
        if let Some(range) = line.strip_prefix("missed ") {
            let (from, to) = range.split_once(' ').unwrap();
            told.extend(from.parse::<i64>().unwrap()..=to.parse().unwrap());
        }
        if let Some((point, _)) = line
            .strip_prefix("failed ")
            .and_then(|rest| rest.split_once(':'))
        {
            told.insert(point.parse().unwrap());
        }
    }
    told
}
