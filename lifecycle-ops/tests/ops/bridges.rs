//! The metrics in the libraries of others.

use std::time::Duration;

use lifecycle::{Running, registry};

use crate::services::{Plain, Ticking, stopped};

async fn application() -> (lifecycle::Handle, Running) {
    let registry = registry! { "store" => Plain, "gc" => Ticking::default(), }.signals(false);
    let handle = registry.handle();
    let running = registry.start();
    running.await_healthy().await.unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    (handle, running)
}

#[cfg(feature = "prometheus-client")]
#[tokio::test(start_paused = true)]
async fn a_registry_of_prometheus_client_tells_what_the_application_does_now() {
    use lifecycle_ops::PrometheusCollector;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    let (handle, running) = application().await;
    let mut metrics = Registry::default();
    metrics.register_collector(Box::new(PrometheusCollector::new(handle)));
    let told = || {
        let mut text = String::new();
        encode(&mut text, &metrics).unwrap();
        text
    };
    let text = told();
    for line in [
        "# TYPE lifecycle_service_state gauge",
        "lifecycle_service_state{service=\"store\",state=\"running\"} 1",
        "# TYPE lifecycle_ticks counter",
        "lifecycle_ticks_total{service=\"gc\",outcome=\"success\"} 2",
        "lifecycle_ticks_total{service=\"gc\",outcome=\"failure\"} 1",
        "lifecycle_ticks_missed_total{service=\"gc\"} 0",
        "lifecycle_ready 1",
        concat!(
            "lifecycle_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
    ] {
        assert!(text.lines().any(|told| told == line), "no {line} in {text}");
    }
    stopped(running).await;
    assert!(told().contains("lifecycle_ready 0\n"));
}

#[cfg(feature = "opentelemetry")]
#[tokio::test(start_paused = true)]
async fn the_instruments_of_opentelemetry_tell_what_the_application_does_when_they_are_asked() {
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{
        AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
    };
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

    let (handle, running) = application().await;
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    lifecycle_ops::observe(&provider.meter("test"), handle);
    provider.force_flush().unwrap();
    stopped(running).await;
    let mut told = Vec::new();
    for metric in exporter
        .get_finished_metrics()
        .unwrap()
        .iter()
        .flat_map(ResourceMetrics::scope_metrics)
        .flat_map(ScopeMetrics::metrics)
    {
        let mut note = |value: &dyn std::fmt::Display, labels: Vec<String>| {
            told.push(format!("{}{labels:?} {value}", metric.name()));
        };
        let labels = |attributes: &mut dyn Iterator<Item = &opentelemetry::KeyValue>| {
            let mut labels: Vec<String> = attributes
                .map(|label| format!("{}={}", label.key, label.value))
                .collect();
            labels.sort();
            labels
        };
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                for point in gauge.data_points() {
                    note(&point.value(), labels(&mut point.attributes()));
                }
            }
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                for point in sum.data_points() {
                    note(&point.value(), labels(&mut point.attributes()));
                }
            }
            _ => panic!("{} is neither", metric.name()),
        }
    }
    for line in [
        "lifecycle_service_state[\"service=store\", \"state=running\"] 1",
        "lifecycle_service_state[\"service=store\", \"state=failed\"] 0",
        "lifecycle_ticks[\"outcome=success\", \"service=gc\"] 2",
        "lifecycle_ticks_missed[\"service=gc\"] 0",
        "lifecycle_ready[] 1",
        concat!(
            "lifecycle_build_info[\"version=",
            env!("CARGO_PKG_VERSION"),
            "\"] 1"
        ),
    ] {
        assert!(
            told.iter().any(|told| told == line),
            "no {line} in {told:#?}"
        );
    }
}
