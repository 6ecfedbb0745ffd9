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
        failed: failed(client, logs, step).await?,
        step,
    })
}

/// Of lines like `no report for fleet/report/2026-11-25T03:00Z and 2 nights before it: no answer`: each of these nights.
async fn failed(client: &Client, logs: &[String], step: i64) -> Result<BTreeMap<i64, String>> {
    const SINCE_1970: &str = "select extract(epoch from ($1::text || 'Z')::timestamptz)::bigint";
    let mut failed = BTreeMap::new();
    for line in logs {
        let told = line.split_once("no report for fleet/report/");
        let parts = told.and_then(|(_, what)| Some((what, what.split_once("Z and ")?)));
        let Some((what, (time, rest))) = parts else {
            continue;
        };
        let missed = rest.split(' ').next().unwrap_or_default();
        let missed: i64 = missed.parse()?;
        let point: i64 = client.query_one(SINCE_1970, &[&time]).await?.get(0);
        for night in 0..=missed {
            let line = format!("no report for {what}");
            failed.insert(point - night * step, line);
        }
    }
    Ok(failed)
}
