//! `batcher`: alerts on their way from the rules to the servers of the organizations. A new alert says more than an old one, so
//! the oldest makes room.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Intake, Queue, Result, service};

use crate::domain::alerts::{Alert, Receivers};

#[service(queue(size = "size", interval = Duration::from_secs(1), overflow = drop_oldest, attempts_used_up = drop))]
pub struct Batcher {
    pub size: usize,
    pub intake: Intake<Alert>,
    pub receivers: Arc<Receivers>,
}

impl Queue for Batcher {
    type Item = Alert;

    fn intake(&self) -> &Intake<Alert> {
        &self.intake
    }

    async fn flush(&self, batch: &[Alert], _: &Context) -> Result {
        Ok(self.receivers.deliver(batch).await?)
    }
}
