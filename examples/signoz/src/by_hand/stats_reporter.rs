use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Service;
use crate::domain::stats::Stats;

pub struct StatsReporter {
    interval: Duration,
    stats: Arc<Stats>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl StatsReporter {
    pub fn new(interval: Duration, stats: Arc<Stats>) -> Self {
        Self {
            interval,
            stats,
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for StatsReporter {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let mut ticker = interval_at(Instant::now() + self.interval, self.interval);
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.stats.report().await {
                error!(%error, "no stats");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(self.stats.report().await?)
    }
}
