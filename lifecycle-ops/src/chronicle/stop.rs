//! How the services go down, from the request to stop on.

use std::collections::BTreeMap;
use std::time::Duration;

use lifecycle::{Event, EventKind, Name, Phase, ServiceStatus, State};
use tokio::time::Instant;

use crate::draw::spans::{Row, Spans};
use crate::text::duration;

#[derive(Debug)]
pub(super) struct Stop {
    asked: Instant,
    services: BTreeMap<Name, Down>,
}

/// How one service went down.
#[derive(Debug, Default)]
struct Down {
    asked: Option<Instant>,
    ended: Option<Instant>,
    /// What was dropped because it was late, and how long it had.
    late: Option<(Phase, Duration)>,
    has_failed: bool,
}

/// The stop as it is shown.
#[derive(Debug)]
pub(crate) struct StopChart {
    pub(crate) spans: Spans,
    /// How long it took, or has taken so far.
    pub(crate) took: Duration,
    pub(crate) is_over: bool,
    /// How many services were late.
    pub(crate) laggards: usize,
}

impl Stop {
    /// Takes in an event; the one that tells of the request begins a stop.
    pub(super) fn note(stop: &mut Option<Self>, event: &Event) {
        if let EventKind::Stopping { .. } = event.kind {
            stop.get_or_insert(Self {
                asked: event.at,
                services: BTreeMap::new(),
            });
        }
        let (Some(stop), Some(name)) = (stop, &event.service) else {
            return;
        };
        let down = stop.services.entry(name.clone()).or_default();
        match &event.kind {
            EventKind::Moved { to, .. } if *to == State::Stopping => down.asked = Some(event.at),
            EventKind::Moved { to, .. } if to.is_final() => {
                down.ended = Some(event.at);
                down.has_failed = *to == State::Failed;
            }
            EventKind::Late { phase, had, .. } => down.late = Some((*phase, *had)),
            _ => {}
        }
    }

    pub(super) fn chart(&self, services: &[ServiceStatus]) -> StopChart {
        let ends = services
            .iter()
            .filter_map(|status| Some((&status.name, status.stop_by?)));
        let ends: BTreeMap<&Name, Instant> = ends.collect();
        let now = Instant::now();
        let row = |(name, down): (&Name, &Down)| self.row(name, down, ends.get(name).copied(), now);
        let is_over = services.iter().all(|status| status.state.is_final());
        let last = self.services.values().filter_map(|down| down.ended).max();
        let until = last.filter(|_| is_over).unwrap_or(now);
        StopChart {
            spans: Spans::new(self.services.iter().filter_map(row).collect()),
            took: until.saturating_duration_since(self.asked),
            is_over,
            laggards: self
                .services
                .values()
                .filter(|down| down.late.is_some())
                .count(),
        }
    }

    /// Of a service that is still to end, or was late, the axis has room for all the time that it has.
    fn row(&self, name: &Name, down: &Down, end: Option<Instant>, now: Instant) -> Option<Row> {
        let since = |at: Instant| at.saturating_duration_since(self.asked);
        let asked = since(down.asked?);
        let ran = since(down.ended.unwrap_or(now));
        let end = end.map(since);
        let took = duration(ran.saturating_sub(asked));
        let of = end.map(|end| format!(" of {}", duration(end.saturating_sub(asked))));
        let of = of.unwrap_or_default();
        let (class, said) = match (down.late, down.ended) {
            (Some((phase, had)), _) => (
                "fails",
                format!("late: dropped in {phase} after {}", duration(had)),
            ),
            (None, Some(_)) if down.has_failed => ("fails", format!("failed after {took}{of}")),
            (None, Some(_)) => ("ends", format!("{took}{of}")),
            (None, None) => ("ends", format!("{took}{of} so far")),
        };
        let shows_budget = down.ended.is_none() || down.late.is_some();
        Some(Row {
            name: name.to_string(),
            waited: Some((Duration::ZERO, asked)),
            ran: Some((asked, ran)),
            budget: end.filter(|_| shows_budget).map(|end| (asked, end)),
            class,
            is_critical: down.ended.is_none(),
            said,
        })
    }
}
