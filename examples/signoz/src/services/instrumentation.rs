//! `instrumentation`: the first to start and the last to stop, so that no other service counts in vain.

use std::sync::Arc;

use lifecycle::{Context, Idle, Result, service};

use crate::domain::telemetry::Telemetry;

#[service(idle)]
pub struct Instrumentation(pub Arc<Telemetry>);

impl Idle for Instrumentation {
    async fn startup(&self, _: &Context) -> Result {
        Ok(self.0.open().await?)
    }

    /// The metrics are exported though the spans can't be; both errors are told.
    async fn drain(&self, _: &Context) -> Result {
        match (self.0.export_spans().await, self.0.export_metrics().await) {
            (Err(spans), Err(metrics)) => Err(format!("{spans}; {metrics}").into()),
            (spans, metrics) => Ok(spans.and(metrics)?),
        }
    }
}
