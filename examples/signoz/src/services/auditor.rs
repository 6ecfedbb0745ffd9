//! `auditor`: audit events in batches, into a file that is closed after the last of them. A disk that fails costs batches, not
//! the application.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Intake, Queue, Result, service};

use crate::domain::audit::{AuditEvent, AuditFile};

#[service(queue(size = "size", interval = "interval", attempts = 3, attempts_used_up = drop, flush_timeout = "10s"))]
pub struct Auditor {
    pub size: usize,
    pub interval: Duration,
    pub intake: Intake<AuditEvent>,
    pub file: Arc<AuditFile>,
}

impl Queue for Auditor {
    type Item = AuditEvent;

    fn intake(&self) -> &Intake<AuditEvent> {
        &self.intake
    }

    async fn startup(&self, _: &Context) -> Result {
        Ok(self.file.open().await?)
    }

    async fn flush(&self, batch: &[AuditEvent], _: &Context) -> Result {
        Ok(self.file.write(batch).await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(self.file.close().await?)
    }
}
