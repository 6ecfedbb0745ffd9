//! The states as metrics, computed when they are asked for, from what is kept anyway.

pub(crate) mod exposition;
pub(crate) mod family;
#[cfg(feature = "opentelemetry")]
mod open_telemetry;
#[cfg(feature = "prometheus-client")]
mod prometheus;
#[cfg(any(feature = "opentelemetry", feature = "prometheus-client"))]
mod snapshot;

use std::time::SystemTime;

use lifecycle::{Handle, QueueStatus, ServiceStatus, State, TickOutcome, TickStatus};
use tokio::time::Instant;

use self::family::Family;
#[cfg(feature = "opentelemetry")]
pub use self::open_telemetry::observe;
#[cfg(feature = "prometheus-client")]
pub use self::prometheus::PrometheusCollector;
use crate::chronicle::{Chronicle, Durations};

/// Every state, for the one metric that has a line for each.
const STATES: [State; 10] = [
    State::New,
    State::Waiting,
    State::Starting,
    State::Running,
    State::Stopping,
    State::Stopped,
    State::Failed,
    State::Backoff,
    State::Standby,
    State::Disabled,
];

/// What the metrics are of, taken once, so that they agree.
pub(crate) struct Subject<'a> {
    handle: &'a Handle,
    states: Vec<ServiceStatus>,
    durations: Option<Durations>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(handle: &'a Handle, chronicle: &Chronicle) -> Self {
        let states = handle.states();
        Self {
            handle,
            durations: chronicle.durations(&states),
            states,
        }
    }

    /// Without what is counted from events.
    #[cfg(any(feature = "opentelemetry", feature = "prometheus-client"))]
    fn of(handle: &'a Handle) -> Self {
        Self {
            handle,
            durations: None,
            states: handle.states(),
        }
    }

    pub(crate) fn services(&self) -> usize {
        self.states.len()
    }
}

/// The labels of a sample: the service, if it is about one, and a further one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Labels<'a> {
    pub(crate) service: Option<&'a str>,
    pub(crate) other: Option<(&'static str, &'a str)>,
}

impl<'a> Labels<'a> {
    fn service(name: &'a str) -> Self {
        Self {
            service: Some(name),
            other: None,
        }
    }

    fn and(self, key: &'static str, value: &'a str) -> Self {
        Self {
            other: Some((key, value)),
            ..self
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Real(f64),
}

/// The ticks of one schedule by how long they took.
pub(crate) struct Buckets<'a> {
    /// How many took no longer than each bound.
    pub(crate) within: &'a [(&'static str, u64)],
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

/// Where samples go: those of a family one after another, after its beginning.
pub(crate) trait Sink {
    fn begin(&mut self, family: &'static Family);

    fn sample(&mut self, family: &'static Family, labels: Labels<'_>, value: Value);

    fn buckets(&mut self, family: &'static Family, service: &str, buckets: &Buckets<'_>);
}

pub(crate) fn collect(subject: &Subject<'_>, out: &mut impl Sink) {
    application(subject.handle, out);
    states(subject, out);
    starts(subject, out);
    ticks(subject, out);
    durations(subject, out);
    leases(subject, out);
    queues(subject, out);
}

fn application(handle: &Handle, out: &mut impl Sink) {
    let version = Labels::default().and("version", env!("CARGO_PKG_VERSION"));
    out.begin(&family::BUILD);
    out.sample(&family::BUILD, version, Value::Count(1));
    let is_ready = handle.is_healthy().into();
    out.begin(&family::READY);
    out.sample(&family::READY, Labels::default(), Value::Count(is_ready));
}

/// One family with one sample for each service that has a value. One without samples does not begin.
fn each(
    subject: &Subject<'_>,
    out: &mut impl Sink,
    family: &'static Family,
    value: impl Fn(&ServiceStatus) -> Option<Value>,
) {
    let mut has_begun = false;
    for status in &subject.states {
        if let Some(value) = value(status) {
            if !has_begun {
                out.begin(family);
                has_begun = true;
            }
            out.sample(family, Labels::service(&status.name), value);
        }
    }
}

fn states(subject: &Subject<'_>, out: &mut impl Sink) {
    out.begin(&family::STATE);
    for status in &subject.states {
        for state in STATES {
            let labels = Labels::service(&status.name).and("state", state.as_str());
            let is_in = (state == status.state).into();
            out.sample(&family::STATE, labels, Value::Count(is_in));
        }
    }
    each(subject, out, &family::RESTARTS, |status| {
        Some(Value::Count(status.restarts))
    });
    each(subject, out, &family::DEGRADED, |status| {
        Some(Value::Count(status.degraded.is_some().into()))
    });
}

fn starts(subject: &Subject<'_>, out: &mut impl Sink) {
    let startup = subject.handle.startup();
    let mut has_begun = false;
    for service in &startup.services {
        if let Some(took) = service.took() {
            if !has_begun {
                out.begin(&family::START_DURATION);
                has_begun = true;
            }
            let labels = Labels::service(&service.name);
            let took = Value::Real(took.as_secs_f64());
            out.sample(&family::START_DURATION, labels, took);
        }
    }
}

fn ticks(subject: &Subject<'_>, out: &mut impl Sink) {
    let mut scheduled = subject
        .states
        .iter()
        .filter_map(|status| Some((&status.name, status.ticks.as_ref()?)))
        .peekable();
    if scheduled.peek().is_none() {
        return;
    }
    out.begin(&family::TICKS);
    for (name, ticks) in scheduled {
        let succeeded = ticks.count.saturating_sub(ticks.failures);
        for (outcome, count) in [("success", succeeded), ("failure", ticks.failures)] {
            let labels = Labels::service(name).and("outcome", outcome);
            out.sample(&family::TICKS, labels, Value::Count(count));
        }
    }
    each(subject, out, &family::TICKS_MISSED, |status| {
        status
            .ticks
            .as_ref()
            .map(|ticks| Value::Count(ticks.missed))
    });
    each(subject, out, &family::LAST_SUCCESS, |status| {
        status.ticks.as_ref()?;
        last_success(subject.handle, &status.name).map(Value::Real)
    });
    let clock = Clock::now();
    each(subject, out, &family::NEXT_TICK, |status| {
        let next = status.ticks.as_ref()?.next_due?;
        Some(Value::Real(clock.seconds(next)))
    });
    let of = |value: fn(&TickStatus) -> bool| {
        move |status: &ServiceStatus| Some(Value::Count(value(status.ticks.as_ref()?).into()))
    };
    each(
        subject,
        out,
        &family::TICK_RUNNING,
        of(TickStatus::in_flight),
    );
}

/// When the last tick that succeeded has ended, in seconds since 1970.
fn last_success(handle: &Handle, service: &str) -> Option<f64> {
    let runs = handle.runs(service).ok()?;
    let mut well = runs
        .iter()
        .rev()
        .filter(|run| run.outcome == TickOutcome::Succeeded);
    let ended = well.next().map(|run| run.started + run.took)?;
    let since = ended.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(to_millis(since.as_secs_f64()))
}

fn durations(subject: &Subject<'_>, out: &mut impl Sink) {
    let Some(durations) = &subject.durations else {
        return;
    };
    out.begin(&family::TICK_DURATION);
    for (name, histogram) in durations.each() {
        let within: Vec<_> = histogram.cumulated().collect();
        let buckets = Buckets {
            within: &within,
            count: histogram.count,
            sum: histogram.sum.as_secs_f64(),
        };
        out.buckets(&family::TICK_DURATION, name, &buckets);
    }
}

/// Only services that one replica runs have these.
fn leases(subject: &Subject<'_>, out: &mut impl Sink) {
    each(subject, out, &family::LEASE_HELD, |status| {
        let lease = status.lease.as_ref()?;
        Some(Value::Count(lease.token.is_some().into()))
    });
    each(subject, out, &family::LEASE_TOKEN, |status| {
        status.lease.as_ref()?.token.map(Value::Count)
    });
}

fn queues(subject: &Subject<'_>, out: &mut impl Sink) {
    type Count = fn(&QueueStatus) -> u64;
    let families: [(&'static Family, Count); 5] = [
        (&family::QUEUE_DEPTH, |queue| queue.depth),
        (&family::QUEUE_FLUSHED, |queue| queue.flushed),
        (&family::QUEUE_FAILURES, |queue| queue.failures),
        (&family::QUEUE_LOST, |queue| queue.lost),
        (&family::QUEUE_DROPPED, |queue| queue.dropped),
    ];
    for (family, count) in families {
        each(subject, out, family, |status| {
            status.queue.as_ref().map(count).map(Value::Count)
        });
    }
}

/// Tells wall-clock time of the runtime's instants.
#[derive(Clone, Copy)]
struct Clock {
    instant: Instant,
    unix: f64,
}

impl Clock {
    fn now() -> Self {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            instant: Instant::now(),
            unix: unix.unwrap_or_default().as_secs_f64(),
        }
    }

    fn seconds(self, at: Instant) -> f64 {
        let ahead = at.saturating_duration_since(self.instant).as_secs_f64();
        let ago = self.instant.saturating_duration_since(at).as_secs_f64();
        to_millis(self.unix + ahead - ago)
    }
}

/// What is below a millisecond is noise between two scrapes.
fn to_millis(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
