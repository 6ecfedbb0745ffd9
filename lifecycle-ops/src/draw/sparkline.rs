//! The last ticks of a schedule: a bar each, as high as it took long.

use std::fmt::Write;
use std::time::Duration;

use lifecycle::{TickOutcome, TickRun};

use crate::text::{count, duration};

const STEP: usize = 5;
const HEIGHT: f64 = 24.0;
/// How many ticks a schedule keeps.
const KEPT: usize = 32;

pub(crate) fn sparkline(runs: &[TickRun]) -> String {
    let longest = runs.iter().map(|run| run.took).max().unwrap_or_default();
    let bad = runs
        .iter()
        .filter(|run| run.outcome != TickOutcome::Succeeded)
        .count();
    let said = format!(
        "{}, {bad} not well, the longest took {}",
        count(runs.len(), "tick"),
        duration(longest)
    );
    let width = KEPT * STEP;
    let mut svg = format!(
        "<svg class=\"spark\" role=\"img\" aria-label=\"{said}\" width=\"{width}\" height=\"{HEIGHT}\"><title>{said}</title>"
    );
    // The newest is at the right.
    let first = KEPT.saturating_sub(runs.len());
    for (index, run) in runs.iter().enumerate() {
        let class = match run.outcome {
            TickOutcome::Succeeded => "went",
            TickOutcome::Dropped => "ends",
            _ => "fails",
        };
        let height = height(run.took, longest);
        let (x, y) = ((first + index) * STEP, HEIGHT - height);
        // Writing to a `String` does not fail.
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y:.1}\" width=\"4\" height=\"{height:.1}\"/>"
        );
    }
    svg.push_str("</svg>");
    svg
}

fn height(took: Duration, longest: Duration) -> f64 {
    let whole = longest.as_secs_f64();
    let share = if whole > 0.0 {
        took.as_secs_f64() / whole
    } else {
        0.0
    };
    (share * HEIGHT).max(3.0)
}
