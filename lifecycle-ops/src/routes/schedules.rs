//! The schedules as data: by what rule they tick, what is due, and how the last ticks went.

use http::StatusCode;
use lifecycle::Handle;
use serde_json::{Value, json};

use crate::answer::{self, Answer};

/// How many instants to come are told.
const NEXT: usize = 5;

pub(super) fn answer(handle: &Handle) -> Answer {
    let services = handle.states();
    let schedule = |status: &lifecycle::ServiceStatus| {
        let ticks = status.ticks.as_ref()?;
        Some(json!({
            "name": status.name,
            "rule": handle.schedule(&status.name).unwrap_or_default(),
            "paused": status.paused,
            "in_flight": ticks.in_flight(),
            "consecutive_failures": ticks.consecutive_failures,
            "missed": ticks.missed,
            "next": handle.upcoming(&status.name, NEXT).unwrap_or_default(),
            "runs": handle.runs(&status.name).unwrap_or_default(),
        }))
    };
    let schedules: Vec<Value> = services.iter().filter_map(schedule).collect();
    answer::json(StatusCode::OK, &schedules)
}
