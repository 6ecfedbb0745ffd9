//! `usage`: uploaded at the start, at the time of the day that the configuration names, and at the end.

use std::sync::Arc;

use lifecycle::{Context, Result, Scheduled, service};

use crate::domain::usage::Usage as Uploads;

#[service(scheduled(cron = "cron", tz = "tz", first = immediate, tick_timeout = "1m"))]
pub struct Usage {
    pub cron: String,
    pub tz: String,
    pub uploads: Arc<Uploads>,
}

impl Scheduled for Usage {
    async fn tick(&self, _: &Context) -> Result {
        Ok(self.uploads.upload().await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(self.uploads.upload().await?)
    }
}
