//! How services come up, or go down: a bar for each, on one axis of time.

use std::fmt::Write;
use std::time::Duration;

use lifecycle::{Handle, Startup};

use super::PALETTE;
use super::graph::escaped;
use crate::text::duration;

/// Services on one axis.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    pub(crate) rows: Vec<Row>,
    /// The end of the axis.
    pub(crate) end: Duration,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// From when to when it waited for others.
    pub(crate) waited: Option<(Duration, Duration)>,
    /// From when to when its own code ran.
    pub(crate) ran: Option<(Duration, Duration)>,
    /// From when to when its own code may run, if that is shown.
    pub(crate) budget: Option<(Duration, Duration)>,
    /// The colour of the second bar, and the word for what it shows.
    pub(crate) class: &'static str,
    /// Whether the whole has waited for it.
    pub(crate) is_critical: bool,
    pub(crate) said: String,
}

/// The height of a row, and how wide the names and the bars are in a picture that stands alone.
const ROW: f64 = 24.0;
const NAMES: f64 = 240.0;
const BARS: f64 = 720.0;

impl Spans {
    pub(crate) fn of_startup(startup: &Startup) -> Self {
        let critical: Vec<&str> = startup
            .critical_chain()
            .map(|service| service.name.as_str())
            .collect();
        let row = |service: &lifecycle::ServiceStartup| {
            let over = service.ready.or(service.failed);
            let waiting = service.waiting?;
            // The start is over without it: it waits, maybe for days, until this replica is to run it.
            let is_later = |healthy| {
                over.is_none_or(|over| over > healthy)
                    && service.starting.is_none_or(|from| from > healthy)
            };
            if startup.healthy.is_some_and(is_later) {
                return None;
            }
            let (class, said) = match (service.took(), service.starting) {
                (Some(took), _) if service.failed.is_some() => {
                    ("fails", format!("failed after {}", duration(took)))
                }
                (Some(took), _) => ("begins", duration(took)),
                (None, Some(since)) => (
                    "begins",
                    format!("{} so far", duration(startup.age.saturating_sub(since))),
                ),
                (None, None) if service.failed.is_some() => ("fails", "never started".to_owned()),
                (None, None) => ("begins", "waits".to_owned()),
            };
            let until = service.starting.or(over).unwrap_or(startup.age);
            Some(Row {
                name: service.name.to_string(),
                waited: Some((waiting, until)),
                ran: service
                    .starting
                    .map(|from| (from, over.unwrap_or(startup.age))),
                budget: None,
                class,
                is_critical: critical.contains(&service.name.as_str()),
                said,
            })
        };
        let rows: Vec<Row> = startup.services.iter().filter_map(row).collect();
        Self::new(rows)
    }

    /// In the order in which they began; what still waits comes last.
    pub(crate) fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| (row.ran.is_none(), row.ran.or(row.waited)));
        let ends = rows
            .iter()
            .filter_map(|row| Some(row.budget.max(row.ran).or(row.waited)?.1));
        let end = ends.max().unwrap_or_default();
        Self { rows, end }
    }

    /// The most telling ones: what the whole has waited for, and what took longest. Returns how many were left out.
    pub(crate) fn shorten(&mut self, most: usize) -> usize {
        let left_out = self.rows.len().saturating_sub(most);
        if left_out > 0 {
            let weight = |row: &Row| {
                let took = row
                    .ran
                    .map_or(Duration::ZERO, |(from, to)| to.saturating_sub(from));
                (row.is_critical || row.class == "fails", took)
            };
            let mut weights: Vec<_> = self.rows.iter().map(weight).collect();
            weights.sort_unstable_by(|one, other| other.cmp(one));
            let least = weights[most - 1];
            let mut free = most;
            self.rows.retain(|row| {
                let is_kept = free > 0 && weight(row) >= least;
                free -= usize::from(is_kept);
                is_kept
            });
        }
        left_out
    }

    /// The bars of one row, as wide as there is room.
    pub(crate) fn bars(&self, row: &Row) -> String {
        let mut svg =
            String::from("<svg class=\"bars\" width=\"100%\" height=\"14\" aria-hidden=\"true\">");
        for (span, class, height) in [
            (row.waited, "waits", 4),
            (row.budget, "budget", 12),
            (row.ran, row.class, 12),
        ] {
            if let Some((from, to)) = span {
                let (x, width) = (
                    self.share(from),
                    self.share(to.saturating_sub(from)).max(0.4),
                );
                let y = 7 - height / 2;
                // Writing to a `String` does not fail.
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{x:.2}%\" y=\"{y}\" width=\"{width:.2}%\" height=\"{height}\" rx=\"2\"/>"
                );
            }
        }
        svg.push_str("</svg>");
        svg
    }

    fn share(&self, span: Duration) -> f64 {
        let end = self.end.as_secs_f64();
        if end > 0.0 {
            span.as_secs_f64() / end * 99.6
        } else {
            0.0
        }
    }

    /// A picture that stands alone.
    fn picture(&self) -> String {
        let (width, height) = (
            NAMES + BARS + 160.0,
            ROW * (self.rows.len() as f64 + 1.0) + 16.0,
        );
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"how the services came up\" \
             viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\
             <style>{PALETTE}svg {{ background: var(--ground); }}</style>"
        );
        for (index, row) in self.rows.iter().enumerate() {
            let y = 8.0 + index as f64 * ROW;
            let chain = if row.is_critical { " chain" } else { "" };
            let _ = write!(
                svg,
                "<text class=\"label{chain}\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                NAMES - 12.0,
                y + 16.0,
                escaped(&row.name)
            );
            for (span, class, tall) in [(row.waited, "waits", 4.0), (row.ran, row.class, 14.0)] {
                if let Some((from, to)) = span {
                    let x = NAMES + self.share(from) / 100.0 * BARS;
                    let wide = (self.share(to.saturating_sub(from)) / 100.0 * BARS).max(2.0);
                    let top = y + ROW / 2.0 - tall / 2.0;
                    let _ = write!(
                        svg,
                        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{tall}\" rx=\"2\"/>"
                    );
                }
            }
            let _ = write!(
                svg,
                "<text class=\"small{chain}\" x=\"{}\" y=\"{}\">{}</text>",
                NAMES + BARS + 12.0,
                y + 16.0,
                escaped(&row.said)
            );
        }
        let _ = write!(
            svg,
            "<text class=\"small\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text></svg>",
            NAMES + BARS,
            height - 10.0,
            duration(self.end)
        );
        svg
    }
}

pub(crate) fn startup(handle: &Handle) -> String {
    Spans::of_startup(&handle.startup()).picture()
}
