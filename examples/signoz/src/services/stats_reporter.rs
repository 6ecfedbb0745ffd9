//! `statsreporter`: how much of everything there is, now and then and at the end.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Result, Scheduled, service};

use crate::domain::stats::Stats;

#[service(scheduled(interval = "interval"))]
pub struct StatsReporter {
    pub interval: Duration,
    pub stats: Arc<Stats>,
}

impl Scheduled for StatsReporter {
    async fn tick(&self, _: &Context) -> Result {
        Ok(self.stats.report().await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(self.stats.report().await?)
    }
}
