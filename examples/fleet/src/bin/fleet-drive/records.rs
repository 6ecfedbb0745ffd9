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
        failed: failed(client, logs).await?,
        step,
    })
}

async fn failed(client: &Client, logs: &[String]) -> Result<BTreeMap<i64, String>> {
    let mut failed = BTreeMap::new();
    for line in logs {
        let Some((_, what)) = line.split_once("no report for fleet/report/") else {
            continue;
        };
        let Some((time, _)) = what.split_once('Z') else {
            continue;
        };
        let point = client
            .query_one(
                "select extract(epoch from ($1::text || 'Z')::timestamptz)::bigint",
                &[&time],
            )
            .await?;
        failed.insert(point.get(0), format!("no report for {what}"));
    }
    Ok(failed)
}
