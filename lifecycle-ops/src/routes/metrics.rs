//! The states as metrics, computed when they are asked for, from what is kept anyway.

mod exposition;

use std::fmt::Write;
use std::time::SystemTime;

use http::header::ACCEPT;
use http::request::Parts;
use lifecycle::{
    Handle, QueueStatus, ServiceStartup, ServiceStatus, Startup, State, TickOutcome, TickStatus,
};
use tokio::time::Instant;

use self::exposition::{Exposition, Family, Format, Kind};
use crate::answer::{self, Answer};

/// Every state, for the one metric that has a line for each.
const STATES: [State; 9] = [
    State::New,
    State::Waiting,
    State::Starting,
    State::Running,
    State::Stopping,
    State::Stopped,
    State::Failed,
    State::Backoff,
    State::Disabled,
];

pub(super) fn answer(handle: &Handle, parts: &Parts) -> Answer {
    let accepted = parts.headers.get_all(ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let format = Format::of(accepted.flat_map(|value| value.split(',')));
    answer::media(format.media(), metrics(handle, format))
}

fn metrics(handle: &Handle, format: Format) -> String {
    let states = handle.states();
    let names: Vec<String> = states.iter().map(|status| escaped(&status.name)).collect();
    let mut out = Exposition::new(format, states.len());
    application(&mut out, handle);
    let services = Services {
        states: &states,
        names: &names,
    };
    services.state(&mut out);
    services.starts(&mut out, &handle.startup());
    services.ticks(&mut out, handle);
    services.queues(&mut out);
    out.finish()
}

fn application(out: &mut Exposition, handle: &Handle) {
    let info = Family::new("lifecycle_build", Kind::Info, "The version of the library.");
    out.begin(&info);
    out.sample(
        &info,
        format_args!("version=\"{}\"", env!("CARGO_PKG_VERSION")),
        1,
    );
    let ready = Family::gauge("lifecycle_ready", "Whether the application is ready.");
    out.begin(&ready);
    out.sample(&ready, format_args!(""), u8::from(handle.is_healthy()));
}

/// The services, and their names as they stand in labels.
struct Services<'a> {
    states: &'a [ServiceStatus],
    names: &'a [String],
}

impl Services<'_> {
    fn each(&self) -> impl Iterator<Item = (&str, &ServiceStatus)> {
        self.names.iter().map(String::as_str).zip(self.states)
    }

    /// One family with one sample for each service that has a value.
    fn family<V: std::fmt::Display>(
        &self,
        out: &mut Exposition,
        family: &Family,
        value: impl Fn(&ServiceStatus) -> Option<V>,
    ) {
        let mut values = self
            .each()
            .filter_map(|(name, status)| Some((name, value(status)?)))
            .peekable();
        if values.peek().is_some() {
            out.begin(family);
        }
        for (name, value) in values {
            out.sample(family, format_args!("service=\"{name}\""), value);
        }
    }

    fn state(&self, out: &mut Exposition) {
        let family = Family::gauge(
            "lifecycle_service_state",
            "1 for the state that the service is in.",
        );
        out.begin(&family);
        for (name, status) in self.each() {
            for state in STATES {
                out.sample(
                    &family,
                    format_args!("service=\"{name}\",state=\"{state}\""),
                    u8::from(state == status.state),
                );
            }
        }
        let restarts = Family::counter(
            "lifecycle_service_restarts",
            "Restarts of the service, by its policy and by hand.",
        );
        self.family(out, &restarts, |status| Some(status.restarts));
        let degraded = Family::gauge(
            "lifecycle_service_degraded",
            "Whether the service works less well than it should.",
        );
        self.family(out, &degraded, |status| {
            Some(u8::from(status.degraded.is_some()))
        });
    }

    fn starts(&self, out: &mut Exposition, startup: &Startup) {
        let family = Family::gauge(
            "lifecycle_service_start_duration_seconds",
            "How long the first start of the service took.",
        );
        let took = startup.services.iter().map(ServiceStartup::took);
        let mut samples = self
            .names
            .iter()
            .zip(took)
            .filter_map(|(name, took)| Some((name, took?)))
            .peekable();
        if samples.peek().is_some() {
            out.begin(&family);
        }
        for (name, took) in samples {
            let labels = format_args!("service=\"{name}\"");
            out.sample(&family, labels, took.as_secs_f64());
        }
    }

    fn ticks(&self, out: &mut Exposition, handle: &Handle) {
        let clock = Clock::now();
        let total = Family::counter(
            "lifecycle_ticks",
            "Ticks that have ended, by how they ended.",
        );
        let mut scheduled = self
            .each()
            .filter_map(|(name, status)| Some((name, status.ticks.as_ref()?)))
            .peekable();
        if scheduled.peek().is_none() {
            return;
        }
        out.begin(&total);
        for (name, ticks) in scheduled {
            for (outcome, count) in [
                ("success", ticks.count.saturating_sub(ticks.failures)),
                ("failure", ticks.failures),
            ] {
                let labels = format_args!("service=\"{name}\",outcome=\"{outcome}\"");
                out.sample(&total, labels, count);
            }
        }
        let of = |value: fn(&TickStatus) -> Option<Instant>| {
            move |status: &ServiceStatus| Some(clock.seconds(value(status.ticks.as_ref()?)?))
        };
        let last = Family::gauge(
            "lifecycle_tick_last_success_timestamp_seconds",
            "When the last tick that succeeded, of the last 32, has ended.",
        );
        self.family(out, &last, |status| {
            status.ticks.as_ref()?;
            let runs = handle.runs(&status.name).ok()?;
            let mut well = runs
                .iter()
                .rev()
                .filter(|run| run.outcome == TickOutcome::Succeeded);
            let ended = well.next().map(|run| run.started + run.took)?;
            let since = ended.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some((since.as_secs_f64() * 1e3).round() / 1e3)
        });
        let next = Family::gauge(
            "lifecycle_tick_next_timestamp_seconds",
            "When the next tick is due.",
        );
        self.family(out, &next, of(|ticks| ticks.next_due));
        let running = Family::gauge("lifecycle_tick_running", "Whether a tick is in flight.");
        self.family(out, &running, |status| {
            Some(u8::from(status.ticks.as_ref()?.in_flight()))
        });
    }

    fn queues(&self, out: &mut Exposition) {
        type Value = fn(&QueueStatus) -> u64;
        let depth = Family::gauge(
            "lifecycle_queue_depth",
            "Items that are accepted and not flushed.",
        );
        let flushed = Family::counter("lifecycle_queue_flushed", "Items that were flushed.");
        let failures = Family::counter(
            "lifecycle_queue_failures",
            "Attempts to flush that have failed.",
        );
        let lost = Family::counter("lifecycle_queue_lost", "Items that could not be flushed.");
        let dropped = Family::counter(
            "lifecycle_queue_dropped",
            "Items that were dropped to make room for newer ones.",
        );
        let families: [(Family, Value); 5] = [
            (depth, |queue| queue.depth),
            (flushed, |queue| queue.flushed),
            (failures, |queue| queue.failures),
            (lost, |queue| queue.lost),
            (dropped, |queue| queue.dropped),
        ];
        for (family, value) in families {
            self.family(out, &family, |status| status.queue.as_ref().map(value));
        }
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
        // Milliseconds: what is below is noise between two scrapes.
        ((self.unix + ahead - ago) * 1e3).round() / 1e3
    }
}

/// As the value of a label.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for char in name.chars() {
        match char {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            _ => {
                let _ = escaped.write_char(char);
            }
        }
    }
    escaped
}
