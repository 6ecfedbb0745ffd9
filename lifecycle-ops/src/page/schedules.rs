//! The schedules: when the next tick is due, and how the last ones went.

use lifecycle::{ServiceStatus, TickStatus};
use maud::{Markup, PreEscaped, html};
use tokio::time::Instant;

use super::{View, button};
use crate::draw::sparkline::sparkline;
use crate::text::duration;

/// With more schedules than these only the first are shown; those that fail come first.
const SHOWN: usize = 60;

impl View<'_> {
    pub(super) fn schedules(&self) -> Markup {
        let services = self.services.iter();
        let mut scheduled: Vec<(&ServiceStatus, &TickStatus)> = services
            .filter_map(|status| Some((status, status.ticks.as_ref()?)))
            .collect();
        if scheduled.is_empty() {
            return html! {};
        }
        scheduled.sort_by_key(|(_, ticks)| ticks.consecutive_failures == 0);
        html! {
            section .card .schedules {
                h2 { "Schedules" }
                table {
                    thead { tr { th { "name" } th { "next" } th { "last" } th { "ticks" } th { "the last 32" } @if self.steers { th {} } } }
                    tbody { @for (status, ticks) in scheduled.iter().take(SHOWN) { (self.row(status, ticks)) } }
                }
                @if scheduled.len() > SHOWN { p .more { "and " (scheduled.len() - SHOWN) " more" } }
            }
        }
    }

    fn row(&self, status: &ServiceStatus, ticks: &TickStatus) -> Markup {
        html! {
            tr class=[(ticks.consecutive_failures > 0).then_some("bad")] title=[ticks.last_error.as_deref()] {
                th scope="row" {
                    (status.name)
                    @if let Ok(Some(rule)) = self.handle.schedule(&status.name) { " " span .rule { (rule) } }
                }
                td data-label="next" { (next(status, ticks)) }
                td data-label="last" { (last(ticks)) }
                td data-label="ticks" { (ticks.count) @if ticks.failures > 0 { ", " (ticks.failures) " failed" } @if ticks.missed > 0 { ", " (ticks.missed) " missed" } }
                td data-label="" { (PreEscaped(sparkline(&self.handle.runs(&status.name).unwrap_or_default()))) }
                @if self.steers { td .act {
                    (button(&status.name, "trigger"))
                    (button(&status.name, if status.paused { "resume" } else { "pause" }))
                } }
            }
        }
    }
}

fn next(status: &ServiceStatus, ticks: &TickStatus) -> String {
    if ticks.in_flight() {
        return "runs now".to_owned();
    }
    if status.paused {
        return "paused".to_owned();
    }
    match ticks.next_due {
        Some(due) => format!(
            "in {}",
            duration(due.saturating_duration_since(Instant::now()))
        ),
        None => "none".to_owned(),
    }
}

fn last(ticks: &TickStatus) -> String {
    let (Some(took), Some(age)) = (ticks.last_duration, ticks.age()) else {
        return "none yet".to_owned();
    };
    let ended = if ticks.consecutive_failures > 0 {
        "failed"
    } else {
        "took"
    };
    format!("{ended} {}, {} ago", duration(took), duration(age))
}
