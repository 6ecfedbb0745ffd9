//! What one replica does all the time: it counts those that are there.

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, service};
use lifecycle_postgres::fence;

use crate::database::Database;
use crate::settings::Settings;

/// A replica that has not been seen for so many times its interval is gone.
const GONE: u32 = 5;

/// Writes down how many replicas there are. What it writes is fenced: a replica that was frozen, and does not know yet that another has
/// taken over, writes nothing.
#[service(scheduled(interval = "every"))]
pub struct Census {
    every: Duration,
    /// How long a replica counts that is not seen.
    gone: f64,
    name: String,
    database: Database,
}

impl Census {
    pub fn new(settings: &Settings, database: &Database) -> Self {
        Self {
            every: settings.census,
            gone: (settings.presence * GONE).as_secs_f64(),
            name: settings.name.clone(),
            database: database.clone(),
        }
    }
}

impl Scheduled for Census {
    async fn tick(&self, cx: &Context) -> Result {
        let fence_token = cx.lease().map_or(0, |lease| lease.token());
        let mut client = self.database.client().await?;
        let mut tx = client.transaction().await?;
        fence(&mut tx, cx).await?;
        tx.execute(
            "insert into fleet.censuses (fence, replica, present)
                select $1, $2, count(*) from fleet.presence where seen > now() - $3 * interval '1s'",
            &[&i64::try_from(fence_token)?, &self.name, &self.gone],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
