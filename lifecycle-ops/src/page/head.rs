//! The top of the page: one sentence, and what needs somebody's eyes.

use lifecycle::{EventKind, OnFailure, ServiceStatus, State};
use maud::{Markup, html};
use tokio::time::Instant;

use super::View;
use crate::draw::graph::{class, word};
use crate::text::{count, duration};

/// How many services are named in a sentence.
const NAMED: usize = 3;

/// How many services in trouble are shown on top.
const SHOWN: usize = 8;

impl View<'_> {
    pub(super) fn title(&self) -> String {
        format!("{} · {}", self.tone().1, program())
    }

    pub(super) fn head(&self) -> Markup {
        let (tone, word) = self.tone();
        let trouble: Vec<&ServiceStatus> = self
            .services
            .iter()
            .filter(|status| is_trouble(status))
            .collect();
        html! {
            header class={ "top " (tone) } {
                h1 { (program()) }
                p .word { (word) }
                p .sentence { (self.sentence()) }
            }
            @if !trouble.is_empty() {
                ul .trouble aria-label="what is wrong" {
                    @for status in trouble.iter().take(SHOWN) {
                        li class=(class(status)) {
                            b { (status.name) } " "
                            span .state { (word_of(status)) } " "
                            span .why { (why(status)) }
                        }
                    }
                    @if trouble.len() > SHOWN { li { "and " (trouble.len() - SHOWN) " more" } }
                }
            }
        }
    }

    /// The state of the whole, as a colour and as a word.
    fn tone(&self) -> (&'static str, &'static str) {
        let has = |state: State| self.services.iter().any(|status| status.state == state);
        let all = |is: fn(State) -> bool| self.services.iter().all(|status| is(status.state));
        match &self.reason {
            Some(_) if all(State::is_final) => ("stopped", "stopped"),
            Some(_) => ("stopping", "stopping"),
            None if all(|state| state == State::New) => ("waiting", "not started"),
            None if self.handle.is_healthy() && self.services.iter().any(is_trouble) => {
                ("stopping", "ready, with trouble")
            }
            None if self.handle.is_healthy() => ("running", "ready"),
            None if has(State::Failed) || has(State::Backoff) => ("failed", "not ready"),
            None => ("starting", "starting"),
        }
    }

    fn sentence(&self) -> String {
        let total = self.services.len();
        let up = self
            .services
            .iter()
            .filter(|status| status.is_healthy() && !rests(status.state))
            .count();
        if let Some(reason) = &self.reason {
            let left = self
                .services
                .iter()
                .filter(|status| !status.state.is_final())
                .count();
            let first = format!("Stopping: {reason}.");
            return match left {
                0 => format!("Stopped: {reason}."),
                _ => format!(
                    "{first} {} of {} still to stop{}.",
                    left,
                    count(total, "service"),
                    self.named(|state| state == State::Stopping, " now")
                ),
            };
        }
        let running = match up {
            _ if up == total => format!("All {} run", count(total, "service")),
            _ => format!("{up} of {} run", count(total, "service")),
        };
        let missing = self.missing();
        match self.age() {
            None => format!("{} wait for the start.", count(total, "service")),
            Some(age) => {
                let verb = if self.startup.healthy.is_some() {
                    "Running"
                } else {
                    "Starting"
                };
                format!("{verb} for {age}. {running}{missing}.")
            }
        }
    }

    /// `: feed, api and 3 more`, of the services in such a state.
    fn named(&self, is: impl Fn(State) -> bool, note: &str) -> String {
        let names: Vec<&str> = self
            .services
            .iter()
            .filter(|status| is(status.state))
            .map(|status| status.name.as_str())
            .collect();
        match names.len() {
            0 => String::new(),
            1..=NAMED => format!("; {}{note}", names.join(", ")),
            more => format!(
                "; {} and {} more{note}",
                names[..NAMED].join(", "),
                more - NAMED
            ),
        }
    }

    /// What waits to be started again, and for how long.
    fn restarting(&self) -> String {
        let mut waiting = self
            .services
            .iter()
            .filter(|status| status.state == State::Backoff);
        let (Some(status), None) = (waiting.next(), waiting.next()) else {
            return self.named(|state| state == State::Backoff, " wait to be restarted");
        };
        format!("; {} {}", status.name, wait(status))
    }

    /// What keeps the others, in words.
    fn missing(&self) -> String {
        let named = |of: State, note| self.named(move |state| state == of, note);
        [
            named(State::Failed, " failed"),
            self.restarting(),
            named(State::Starting, " starting"),
            named(State::Waiting, " waiting"),
            named(State::Standby, " on standby"),
            named(State::Disabled, " disabled"),
        ]
        .concat()
    }

    /// How long ago the first service moved.
    fn age(&self) -> Option<String> {
        let started = self.ops.chronicle.started()?;
        Some(duration(started.elapsed()))
    }
}

/// Whether all is well with such a service and it does not run.
fn rests(state: State) -> bool {
    matches!(state, State::Standby | State::Disabled)
}

fn word_of(status: &ServiceStatus) -> String {
    match status.on_failure {
        OnFailure::Ignore => format!("{}, ignored", word(status)),
        _ => word(status),
    }
}

/// `waits 4 s for restart 3 in a row`.
fn wait(status: &ServiceStatus) -> String {
    let left = status.next_start.map(|next| {
        let left = next.saturating_duration_since(Instant::now());
        format!(" {}", duration(left))
    });
    let which = match status.restarts_in_a_row {
        0 => "its restart".to_owned(),
        number => format!("restart {number} in a row"),
    };
    format!("waits{} for {which}", left.unwrap_or_default())
}

/// Whether somebody should look at it.
pub(super) fn is_trouble(status: &ServiceStatus) -> bool {
    status.degraded.is_some() || matches!(status.state, State::Failed | State::Backoff)
}

/// What the service says itself, or what it failed with.
pub(super) fn why(status: &ServiceStatus) -> String {
    match (&status.error, &status.degraded) {
        (Some(error), _) if status.state == State::Failed => error.to_string(),
        (_, Some(degraded)) => degraded.to_string(),
        _ if status.state == State::Backoff => {
            let cause = status.last_error.as_ref().map(|error| format!(": {error}"));
            wait(status) + &cause.unwrap_or_default()
        }
        (Some(error), None) => error.to_string(),
        (None, None) => String::new(),
    }
}

/// The name of the program, as the system knows it.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether the event tells of something wrong.
pub(super) fn is_bad(kind: &EventKind) -> bool {
    match kind {
        EventKind::Moved { to, .. } => *to == State::Failed,
        EventKind::Degraded { .. } | EventKind::Late { .. } => true,
        kind => kind.error().is_some(),
    }
}
