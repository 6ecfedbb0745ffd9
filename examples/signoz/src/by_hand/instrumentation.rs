use std::sync::Arc;

use lifecycle::{Result, async_trait};
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::domain::telemetry::Telemetry;

pub struct Instrumentation {
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
}

impl Instrumentation {
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            stop: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for Instrumentation {
    async fn start(&self) -> Result {
        self.telemetry.open().await?;
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        let spans = self.telemetry.export_spans().await;
        let metrics = self.telemetry.export_metrics().await;
        match (spans, metrics) {
            (Err(spans), Err(metrics)) => Err(format!("{spans}; {metrics}").into()),
            (spans, metrics) => Ok(spans.and(metrics)?),
        }
    }
}
