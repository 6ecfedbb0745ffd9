//! What is in the tables, and in the logs.

use std::collections::BTreeMap;

use lifecycle::Result;
use tokio_postgres::Client;

use crate::verdict::{Records, Report, Written};

/// Reads the tables of the application, and from these lines of its logs which reports have failed.
pub async fn read(client: &Client, logs: &[String], step: i64) -> Result<Records> {
    let reports = client
        .query(
            "select extract(epoch from point)::bigint, attempt, missed, replica, fence from fleet.reports order by id",
            &[],
        )
        .await?;
    let reports = reports.iter().map(|row| Report {
        point: row.get(0),
        attempt: row.get(1),
        missed: row.get(2),
        written: Written {
            replica: row.get(3),
            fence: row.get(4),
        },
    });
    let censuses = client
        .query("select replica, fence from fleet.censuses order by id", &[])
        .await?;
    let censuses = censuses.iter().map(|row| Written {
        replica: row.get(0),
        fence: row.get(1),
    });
    Ok(Records {
        reports: reports.collect(),
        censuses: censuses.collect(),
        told: told(client, logs, step).await?,
        step,
    })
}

/// Of lines like `no report for fleet/report/2026-11-25T03:00Z: no answer` this night, and of those like
/// `the report for fleet/report/2026-11-25T03:00Z stands for 2 nights before it` the two before.
async fn told(client: &Client, logs: &[String], step: i64) -> Result<BTreeMap<i64, String>> {
    const SINCE_1970: &str = "select extract(epoch from ($1::text || 'Z')::timestamptz)::bigint";
    let mut told = BTreeMap::new();
    for line in logs {
        let Some((what, (time, rest))) = night(line) else {
            continue;
        };
        let point: i64 = client.query_one(SINCE_1970, &[&time]).await?.get(0);
        let before = rest
            .strip_prefix(" stands for ")
            .and_then(|rest| rest.split(' ').next());
        match before {
            None => {
                told.insert(point, what.to_owned());
            }
            Some(nights) => {
                let before =
                    (1..=nights.parse()?).map(|night| (point - night * step, what.to_owned()));
                told.extend(before);
            }
        }
    }
    Ok(told)
}

/// What is told of a night, the night, and what is told of it after that.
fn night(line: &str) -> Option<(&str, (&str, &str))> {
    let starts = [
        "no report for fleet/report/",
        "the report for fleet/report/",
    ];
    let start = starts
        .iter()
        .find_map(|start| Some((line.find(start)?, start.len())));
    let (at, length) = start?;
    Some((&line[at..], line[at + length..].split_once('Z')?))
}
