use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{select, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Service;
use crate::domain::meters::Meters;

pub struct MeterReporter {
    interval: Duration,
    jitter: Duration,
    meters: Arc<Meters>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl MeterReporter {
    pub fn new(interval: Duration, jitter: Duration, meters: Arc<Meters>) -> Self {
        Self {
            interval,
            jitter,
            meters,
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    fn wait(&self) -> Result<Duration> {
        let mut random = [0; 4];
        getrandom::fill(&mut random)?;
        let part = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        Ok(self.interval.saturating_sub(self.jitter.mul_f64(part)))
    }
}

#[async_trait]
impl Service for MeterReporter {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                () = sleep(self.wait()?) => {}
            }
            if let Err(error) = self.meters.report().await {
                error!(%error, "no meters");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(())
    }
}
