//! The metrics in a registry of the crate `prometheus-client`.

use std::fmt;

use lifecycle::Handle;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use super::Value;
use super::family::Kind;
use super::snapshot::Snapshot;

/// Adds the metrics of an application to a registry of the crate `prometheus-client`, for a program that has its own
/// `/metrics`. They are those of [`Ops`](crate::Ops) without the histogram, computed at each scrape.
///
/// ```
/// use lifecycle_ops::PrometheusCollector;
/// use prometheus_client::registry::Registry;
///
/// fn metrics(application: &lifecycle::Registry) -> Registry {
///     let mut metrics = Registry::default();
///     metrics.register_collector(Box::new(PrometheusCollector::new(application.handle())));
///     metrics
/// }
/// ```
pub struct PrometheusCollector {
    handle: Handle,
}

impl PrometheusCollector {
    /// Of the application of this handle.
    #[must_use]
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

impl Collector for PrometheusCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for (family, samples) in &Snapshot::of(&self.handle).families {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Info => MetricType::Info,
                Kind::Gauge | Kind::Histogram => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for sample in samples {
                let labels = &sample.labels;
                match family.kind {
                    Kind::Info => metric.encode_info(labels)?,
                    kind => encode(metric.encode_family(labels)?, kind, sample.value)?,
                }
            }
        }
        Ok(())
    }
}

type NoExemplar<'a> = Option<&'a Exemplar<Vec<(String, String)>, f64>>;

fn encode(mut metric: MetricEncoder<'_>, kind: Kind, value: Value) -> fmt::Result {
    let none: NoExemplar<'_> = None;
    match (kind, value) {
        (Kind::Counter, Value::Count(count)) => metric.encode_counter(&count, none),
        (Kind::Counter, Value::Real(real)) => metric.encode_counter(&real, none),
        (_, Value::Count(count)) => metric.encode_gauge(&count),
        (_, Value::Real(real)) => metric.encode_gauge(&real),
    }
}

impl fmt::Debug for PrometheusCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusCollector")
            .finish_non_exhaustive()
    }
}
