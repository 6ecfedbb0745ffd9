//! The metrics as observable instruments of OpenTelemetry.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lifecycle::Handle;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::Value;
use super::family::{self, Family, Kind};
use super::snapshot::{Sample, Snapshot};

/// Each instrument is asked by itself. Those that are asked within this time are told of the same moment.
const MOMENT: Duration = Duration::from_millis(100);

/// Makes observable instruments for the metrics of an application, which the meter asks when it exports. They are those
/// of [`Ops`](crate::Ops) without the histogram, under the same names, but for the `_total` that an exporter adds. The
/// meter keeps the handle. Call it once for each application.
///
/// ```
/// fn measure(application: &lifecycle::Registry) {
///     let meter = opentelemetry::global::meter("lifecycle");
///     lifecycle_ops::observe(&meter, application.handle());
/// }
/// ```
pub fn observe(meter: &Meter, handle: Handle) {
    let shared = Arc::new(Shared {
        handle,
        last: Mutex::new(None),
    });
    for &family in family::ALL {
        let shared = shared.clone();
        match family.kind {
            Kind::Histogram => {}
            Kind::Counter => {
                let counter = meter.u64_observable_counter(family.name);
                let counter = counter.with_callback(move |observer| {
                    shared.each(family, |sample, labels| {
                        if let Value::Count(count) = sample.value {
                            observer.observe(count, labels);
                        }
                    });
                });
                counter.with_description(family.help).build();
            }
            Kind::Gauge | Kind::Info => {
                let gauge =
                    meter.f64_observable_gauge(format!("{}{}", family.name, family.kind.suffix()));
                let gauge = gauge.with_callback(move |observer| {
                    shared.each(family, |sample, labels| {
                        observer.observe(real(sample.value), labels);
                    });
                });
                gauge.with_description(family.help).build();
            }
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge is shown, not counted on"
)]
fn real(value: Value) -> f64 {
    match value {
        Value::Count(count) => count as f64,
        Value::Real(real) => real,
    }
}

/// What all instruments of an application are told from.
struct Shared {
    handle: Handle,
    last: Mutex<Option<(Instant, Snapshot)>>,
}

impl Shared {
    fn each(&self, family: &'static Family, tell: impl Fn(&Sample, &[KeyValue])) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, snapshot) = match last.take() {
            Some(recent) if recent.0.elapsed() < MOMENT => last.insert(recent),
            _ => last.insert((Instant::now(), Snapshot::of(&self.handle))),
        };
        let families = snapshot.families.iter();
        for (_, samples) in families.filter(|(told, _)| *told == family) {
            for sample in samples {
                let labels = sample.labels.iter();
                let labels = labels.map(|(key, value)| KeyValue::new(*key, value.clone()));
                tell(sample, &labels.collect::<Vec<_>>());
            }
        }
    }
}
