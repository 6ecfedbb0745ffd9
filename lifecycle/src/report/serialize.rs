//! The outcome and the states as data, for a log or a status page. Behind the feature `serde`.
//!
//! Names, states, shapes and phases are written as they are displayed; durations are in seconds. New
//! fields may be added.

use std::time::{Duration, UNIX_EPOCH};

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::report::error::ServiceError;
use crate::report::event::{Event, EventKind};
use crate::report::name::Name;
use crate::report::outcome::{Laggard, Outcome};
use crate::report::reason::Reason;
use crate::report::startup::{ServiceStartup, Startup};
use crate::report::status::{
    IsolatedStatus, LeaseLeader, LeaseStatus, Phase, QueueStatus, ServiceStatus, Shape, State,
    TickStatus,
};
use crate::report::tick::{ScheduleRule, TickRun, Upcoming};
use crate::report::timestamp::{Precision, Timestamp};

/// Writes a struct field by field.
macro_rules! fields {
    ($serializer:expr, $name:literal, { $($field:literal: $value:expr,)+ }) => {{
        let count = [$($field),+].len();
        let mut fields = $serializer.serialize_struct($name, count)?;
        $(fields.serialize_field($field, &$value)?;)+
        fields.end()
    }};
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Outcome", {
            "exit_code": self.exit_code(),
            "reason": self.reason(),
            "failures": self.failures(),
            "omitted_failures": self.omitted_failures(),
            "laggards": self.laggards(),
            "services": self.services(),
            "signal": self.signal().map(|signal| signal.to_string()),
            "took_seconds": self.took().as_ref().map(Duration::as_secs_f64),
        })
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Reason", {
            "kind": self.kind(),
            "text": self.to_string(),
        })
    }
}

impl Serialize for ServiceError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "ServiceError", {
            "service": self.service(),
            "phase": self.phase(),
            "kind": self.fault().kind(),
            "text": self.to_string(),
            "after_seconds": self.after().as_secs_f64(),
        })
    }
}

impl Serialize for Laggard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Laggard", {
            "service": self.service,
            "phase": self.phase,
            "had_seconds": self.had.as_secs_f64(),
            "ignored": !self.is_failure(),
        })
    }
}

impl Serialize for ServiceStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "ServiceStatus", {
            "name": self.name,
            "shape": self.shape,
            "state": self.state,
            "healthy": self.is_healthy(),
            "degraded": self.degraded.as_deref(),
            "error": self.error,
            "paused": self.paused,
            "restarts": self.restarts,
            "restarts_in_a_row": self.restarts_in_a_row,
            "last_error": self.last_error,
            "next_start_in_seconds": self.next_start.map(in_seconds),
            "stop_by_in_seconds": self.stop_by.map(in_seconds),
            "lease": self.lease,
            "ticks": self.ticks,
            "queue": self.queue,
            "isolated": self.isolated,
        })
    }
}

impl Serialize for Startup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let chain = self.critical_chain().map(|service| &service.name);
        fields!(serializer, "Startup", {
            "healthy_seconds": seconds(self.healthy),
            "critical_chain": chain.collect::<Vec<_>>(),
            "services": self.services,
        })
    }
}

impl Serialize for ServiceStartup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "ServiceStartup", {
            "name": self.name,
            "waiting_seconds": seconds(self.waiting),
            "starting_seconds": seconds(self.starting),
            "ready_seconds": seconds(self.ready),
            "failed_seconds": seconds(self.failed),
            "took_seconds": seconds(self.took()),
        })
    }
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    duration.as_ref().map(Duration::as_secs_f64)
}

/// What its kind doesn't have is left out.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = &self.kind;
        let (from, to) = match kind {
            EventKind::Moved { from, to, .. } => (Some(from), Some(to)),
            _ => (None, None),
        };
        let items = match kind {
            EventKind::FlushEnded { items, .. } => Some(items),
            _ => None,
        };
        let token = match kind {
            EventKind::LeaseTaken { token } | EventKind::LeaseLost { token, .. } => Some(token),
            _ => None,
        };
        let took = kind.took();
        let since_epoch = self.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("id", &self.id)?;
        fields.serialize_entry("unix_seconds", &since_epoch.as_secs_f64())?;
        fields.serialize_entry("kind", kind.as_str())?;
        fields.serialize_entry("text", &kind.to_string())?;
        entry(&mut fields, "service", self.service.as_ref())?;
        entry(&mut fields, "from", from)?;
        entry(&mut fields, "to", to)?;
        entry(&mut fields, "items", items)?;
        entry(&mut fields, "token", token)?;
        entry(&mut fields, "took_seconds", seconds(took))?;
        entry(&mut fields, "error", kind.error().as_deref())?;
        fields.end()
    }
}

fn entry<M: SerializeMap>(
    fields: &mut M,
    name: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => fields.serialize_entry(name, &value),
        None => Ok(()),
    }
}

impl Serialize for LeaseStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "LeaseStatus", {
            "name": &*self.name,
            "holder": &*self.holder,
            "token": self.token,
            "held_seconds": seconds(self.since.map(|since| since.elapsed())),
            "left_seconds": seconds(self.until.map(|until| {
                until.saturating_duration_since(Instant::now())
            })),
            "term_seconds": self.term.as_secs_f64(),
            "leader": self.leader,
        })
    }
}

impl Serialize for LeaseLeader {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "LeaseLeader", {
            "holder": &*self.holder,
            "token": self.token,
            "seen_seconds": self.since.elapsed().as_secs_f64(),
        })
    }
}

impl Serialize for TickStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "TickStatus", {
            "count": self.count,
            "failures": self.failures,
            "consecutive_failures": self.consecutive_failures,
            "missed": self.missed,
            "in_flight": self.in_flight(),
            "last_duration_seconds": seconds(self.last_duration),
            "last_error": self.last_error.as_deref(),
            "age_seconds": seconds(self.age()),
        })
    }
}

impl Serialize for TickRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "TickRun", {
            "number": self.number,
            "cause": self.cause.as_str(),
            "started": Timestamp(self.started, Precision::Millisecond).to_string(),
            "took_seconds": self.took.as_secs_f64(),
            "outcome": self.outcome.as_str(),
            "error": self.outcome.error(),
        })
    }
}

impl Serialize for ScheduleRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "ScheduleRule", {
            "kind": self.kind.as_str(),
            "period_seconds": seconds(self.period),
            "cron": self.cron.as_deref(),
            "zone": self.zone.as_deref(),
            "text": self.to_string(),
        })
    }
}

impl Serialize for Upcoming {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Upcoming", {
            "time": Timestamp(self.time, Precision::Millisecond).to_string(),
        })
    }
}

impl Serialize for IsolatedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "IsolatedStatus", {
            "in_flight": self.in_flight,
            "failures": self.failures,
        })
    }
}

impl Serialize for QueueStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "QueueStatus", {
            "flushed": self.flushed,
            "failures": self.failures,
            "lost": self.lost,
            "dropped": self.dropped,
            "depth": self.depth,
            "flush_age_seconds": self.flush_age.as_ref().map(Duration::as_secs_f64),
        })
    }
}

/// How many seconds there are until then.
fn in_seconds(at: Instant) -> f64 {
    at.saturating_duration_since(Instant::now()).as_secs_f64()
}

/// Serializes a type that is displayed as one word as that word.
macro_rules! as_word {
    ($($type:ty)+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+};
}

as_word! { Name Phase Shape State }

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::report::error::Fault;
    use crate::report::tick::{ScheduleKind, TickCause, TickOutcome};

    #[test]
    fn a_queue_is_its_counts_its_depth_and_the_age_of_its_flush() {
        let status = QueueStatus {
            flushed: 7,
            dropped: 2,
            depth: 5,
            flush_age: Some(Duration::from_millis(1500)),
            ..QueueStatus::default()
        };
        let expected = serde_json::json!({
            "flushed": 7,
            "failures": 0,
            "lost": 0,
            "dropped": 2,
            "depth": 5,
            "flush_age_seconds": 1.5,
        });
        assert_eq!(serde_json::to_value(status).unwrap(), expected);
    }

    #[test]
    fn a_startup_is_its_times_and_the_critical_chain() {
        let service = ServiceStartup {
            name: Name::from("store"),
            waiting: Some(Duration::ZERO),
            starting: Some(Duration::from_millis(500)),
            ready: Some(Duration::from_millis(750)),
            failed: None,
        };
        let startup = Startup {
            services: vec![service],
            healthy: Some(Duration::from_millis(750)),
            chain: vec![0],
            age: Duration::from_secs(9),
        };
        let expected = serde_json::json!({
            "healthy_seconds": 0.75,
            "critical_chain": ["store"],
            "services": [{
                "name": "store",
                "waiting_seconds": 0.0,
                "starting_seconds": 0.5,
                "ready_seconds": 0.75,
                "failed_seconds": null,
                "took_seconds": 0.25,
            }],
        });
        assert_eq!(serde_json::to_value(&startup).unwrap(), expected);
    }

    #[test]
    fn an_event_is_its_kind_and_what_that_kind_has() {
        let event = Event {
            id: 7,
            service: Some(Name::from("gc")),
            at: Instant::now(),
            time: UNIX_EPOCH + Duration::from_millis(1500),
            kind: EventKind::TickEnded {
                took: Duration::from_millis(250),
                error: Some("disk full".into()),
            },
        };
        let expected = serde_json::json!({
            "id": 7,
            "unix_seconds": 1.5,
            "kind": "tick_ended",
            "text": "tick failed after 250.0ms: disk full",
            "service": "gc",
            "took_seconds": 0.25,
            "error": "disk full",
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), expected);
        let moved = Event {
            service: None,
            kind: EventKind::Moved {
                from: State::New,
                to: State::Waiting,
                took: Duration::ZERO,
            },
            ..event
        };
        let moved = serde_json::to_value(&moved).unwrap();
        assert_eq!(moved["from"], "new");
        assert_eq!(moved["to"], "waiting");
        assert_eq!(moved.get("service"), None);
    }

    #[test]
    fn ticks_that_have_been_and_are_to_come_have_times_by_utc() {
        let started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_039_600_250);
        let run = TickRun {
            number: 7,
            cause: TickCause::Trigger,
            started,
            took: Duration::from_millis(1500),
            outcome: TickOutcome::Failed("no rows".into()),
        };
        let expected = serde_json::json!({
            "number": 7,
            "cause": "trigger",
            "started": "2025-11-25T03:00:00.250Z",
            "took_seconds": 1.5,
            "outcome": "failed",
            "error": "no rows",
        });
        assert_eq!(serde_json::to_value(run).unwrap(), expected);
        let next = Upcoming {
            at: Instant::now(),
            time: started,
        };
        let expected = serde_json::json!({ "time": "2025-11-25T03:00:00.250Z" });
        assert_eq!(serde_json::to_value(next).unwrap(), expected);
    }

    #[test]
    fn the_rule_of_a_schedule_is_its_values_and_its_words() {
        let rule = ScheduleRule {
            kind: ScheduleKind::Delay,
            period: Some(Duration::from_millis(1500)),
            cron: None,
            zone: None,
        };
        let expected = serde_json::json!({
            "kind": "delay",
            "period_seconds": 1.5,
            "cron": null,
            "zone": null,
            "text": "1s500ms after each tick",
        });
        assert_eq!(serde_json::to_value(rule).unwrap(), expected);
    }

    #[test]
    fn isolated_tasks_are_their_counts() {
        let status = IsolatedStatus {
            in_flight: 3,
            failures: 1,
        };
        let expected = serde_json::json!({ "in_flight": 3, "failures": 1 });
        assert_eq!(serde_json::to_value(status).unwrap(), expected);
    }

    #[test]
    fn an_error_is_its_service_phase_kind_and_sentence() {
        let fault = Fault::Error("disk full".into());
        let after = Duration::from_millis(1500);
        let error = ServiceError::new(Name::from("store"), Phase::Drain, fault, after);
        let expected = serde_json::json!({
            "service": "store",
            "phase": "drain",
            "kind": "error",
            "text": "service `store` failed in drain: disk full",
            "after_seconds": 1.5,
        });
        assert_eq!(serde_json::to_value(error).unwrap(), expected);
    }
}
