//! What a cluster asks: does it live, has it started, is it ready.

use std::fmt::Write;
use std::time::Duration;

use http::StatusCode;
use http::request::Parts;
use lifecycle::{Handle, ServiceStatus, State};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::request::{decoded, query};
use crate::service::OpsService;

/// How long the supervisor may take for an answer.
const LIVE_TIME: Duration = Duration::from_secs(1);

pub(super) enum Probe {
    Live,
    /// All services, or this one.
    Ready(Option<String>),
    Started(Option<String>),
    Health,
}

/// What is asked of a service.
#[derive(Clone, Copy)]
enum Question {
    Ready,
    Started,
}

impl Probe {
    pub(super) fn of(path: &str) -> Option<Self> {
        let (kind, name) = match path.split_once('/') {
            None => (path, None),
            Some((kind, name)) => (kind, Some(decoded(name)?.into_owned())),
        };
        match (kind, name) {
            ("livez", None) => Some(Self::Live),
            ("readyz", name) => Some(Self::Ready(name)),
            ("startupz", name) => Some(Self::Started(name)),
            ("healthz", None) => Some(Self::Health),
            _ => None,
        }
    }

    pub(super) async fn answer(self, ops: &OpsService, parts: &Parts) -> Answer {
        match self {
            Self::Live => live(&ops.handle).await,
            Self::Ready(name) => Question::Ready.answer(&ops.handle, name.as_deref(), parts),
            Self::Started(name) => Question::Started.answer(&ops.handle, name.as_deref(), parts),
            Self::Health => health(&ops.handle),
        }
    }
}

async fn live(handle: &Handle) -> Answer {
    match timeout(LIVE_TIME, handle.ping()).await {
        Ok(()) => answer::text(StatusCode::OK, "ok"),
        Err(_) => answer::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the supervisor does not answer",
        ),
    }
}

impl Question {
    fn answer(self, handle: &Handle, name: Option<&str>, parts: &Parts) -> Answer {
        // What a cluster asks every second costs two loads, whatever the number of services.
        if name.is_none() && parts.uri.query().is_none() && handle.is_healthy() {
            return answer::text(StatusCode::OK, "ok");
        }
        let stopping = handle.reason().is_some();
        let services = handle.states();
        if let Some(name) = name {
            let Some(status) = services.iter().find(|status| status.name == *name) else {
                return answer::no_service(name);
            };
            return verdict(self.holds(status, stopping), &[&status.name]);
        }
        let (mut is_verbose, mut excluded) = (false, Vec::new());
        for (key, value) in query(parts.uri.query()) {
            match &*key {
                "verbose" => is_verbose = true,
                "exclude" => excluded.push(value),
                _ => {}
            }
        }
        let is_asked = |status: &&ServiceStatus| !excluded.iter().any(|name| status.name == **name);
        let asked: Vec<&ServiceStatus> = services.iter().filter(is_asked).collect();
        let missing = asked.iter().filter(|status| status.counts());
        let missing: Vec<&str> = missing
            .filter(|status| !self.holds(status, stopping))
            .map(|status| &*status.name)
            .collect();
        let holds = missing.is_empty() && !(stopping && matches!(self, Self::Ready));
        if is_verbose {
            return self.lines(&asked, holds, stopping);
        }
        match (stopping, self) {
            // Each service is not ready then, whatever it does.
            (true, Self::Ready) => verdict(false, &["stopping"]),
            _ => verdict(holds, &missing),
        }
    }

    fn holds(self, status: &ServiceStatus, is_stopping: bool) -> bool {
        match self {
            Self::Ready => status.is_healthy() && !is_stopping,
            // A service that was up once has started, whatever came of it.
            Self::Started => {
                status.is_healthy() || matches!(status.state, State::Stopping | State::Backoff)
            }
        }
    }

    /// A line for each service, and the sum. A failure has no text: whoever may probe may not read errors.
    fn lines(self, asked: &[&ServiceStatus], holds: bool, is_stopping: bool) -> Answer {
        let mut lines = String::new();
        for status in asked {
            let (sign, word) = if self.holds(status, is_stopping) {
                ('+', "ok")
            } else {
                ('-', "failed")
            };
            let note = if status.counts() { "" } else { " (ignored)" };
            let _ = writeln!(lines, "[{sign}]{} {word}{note}", status.name);
        }
        let what = match self {
            Self::Ready => "readyz",
            Self::Started => "startupz",
        };
        let (status, word) = if holds {
            (StatusCode::OK, "passed")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "failed")
        };
        let _ = writeln!(lines, "{what} check {word}");
        answer::text(status, lines)
    }
}

fn verdict(holds: bool, missing: &[&str]) -> Answer {
    if holds {
        return answer::text(StatusCode::OK, "ok");
    }
    let missing = missing.join(", ");
    answer::text(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("not ready: {missing}"),
    )
}

/// The names by state, and whether all is well.
fn health(handle: &Handle) -> Answer {
    let mut services: Map<String, Value> = Map::new();
    for status in handle.states() {
        let names = services
            .entry(status.state.as_str())
            .or_insert_with(|| json!([]));
        if let Value::Array(names) = names {
            names.push(status.name.as_str().into());
        }
    }
    let healthy = handle.is_healthy();
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    answer::json(status, &json!({ "healthy": healthy, "services": services }))
}
