//! `meterreporter`: tells what is to be paid for, at random moments, so that not all installations do at once.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Result, Scheduled, service};

use crate::domain::meters::Meters;

#[service(scheduled(interval = "interval", jitter = "jitter", first = after_interval))]
pub struct MeterReporter {
    pub interval: Duration,
    pub jitter: Duration,
    pub meters: Arc<Meters>,
}

impl Scheduled for MeterReporter {
    async fn tick(&self, _: &Context) -> Result {
        Ok(self.meters.report().await?)
    }
}
