//! What one replica does once a night.

use lifecycle::{BoxError, Context, Result, Scheduled, Tick, service};
use lifecycle_postgres::{fence, once};

use crate::database::Database;
use crate::settings::Settings;

/// Sums up the censuses of the day. A night in which no replica was up is made up for, by a report that stands for all that are missing.
#[service(scheduled(cron = "due", catch_up = "12h", tick_timeout = "5m"))]
pub struct Report {
    due: &'static str,
    name: String,
    database: Database,
}

/// Which night has no report, so that somebody can find out.
#[derive(Debug, thiserror::Error)]
#[error("no report for {key}")]
struct NoReport {
    key: String,
    source: BoxError,
}

impl Report {
    pub fn new(settings: &Settings, database: &Database) -> Self {
        Self {
            due: settings.report,
            name: settings.name.clone(),
            database: database.clone(),
        }
    }

    /// All or nothing: the report, and that its point has been run.
    async fn write(&self, cx: &Context, tick: &Tick) -> Result {
        let point = tick.point.ok_or("it was not due")?;
        let fence_token = cx.lease().map_or(0, |lease| lease.token());
        let mut client = self.database.client().await?;
        let mut tx = client.transaction().await?;
        fence(&mut tx, cx).await?;
        tx.execute(
            "insert into fleet.reports (key, point, attempt, missed, fence, replica, censuses)
                select $1, $2, $3, $4, $5, $6, count(*) from fleet.censuses where taken < $2",
            &[
                &tick.key(),
                &point.at,
                &i64::from(point.attempt),
                &i64::try_from(tick.missed)?,
                &i64::try_from(fence_token)?,
                &self.name,
            ],
        )
        .await?;
        once(&mut tx, cx).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Scheduled for Report {
    async fn tick(&self, cx: &Context) -> Result {
        let tick = cx.tick().ok_or("no tick")?;
        let (key, missed) = (tick.key(), tick.missed);
        if missed > 0 {
            // A further attempt would not know.
            tracing::warn!("the report for {key} stands for {missed} nights before it");
        }
        self.write(cx, &tick)
            .await
            .map_err(|source| NoReport { key, source })?;
        Ok(())
    }
}
