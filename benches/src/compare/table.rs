//! Samples in, a table in Markdown out: medians, and ratios to the first contender in the same round.

use std::fmt;

use super::column::Column;
use super::{Case, Samples};

/// A table, ready to be printed.
#[derive(Debug)]
pub(super) struct Table {
    title: String,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    spread: Option<f64>,
}

impl Table {
    pub(super) fn new(case: &Case, samples: &[(&'static str, Samples)]) -> Self {
        let first = samples
            .first()
            .map(|(_, samples)| samples.clone())
            .unwrap_or_default();
        let spreads = samples.iter().flat_map(|(_, samples)| {
            let compared = case.columns.iter().filter(|column| column.is_compared);
            compared.filter_map(|column| spread(samples.get(column.figure)?))
        });
        let spread = spreads.reduce(f64::max);
        let rows = samples.iter().map(|(name, samples)| {
            let cells = case
                .columns
                .iter()
                .map(|column| cell(column, case.services, samples, &first));
            std::iter::once((*name).to_owned()).chain(cells).collect()
        });
        Self {
            title: case.title.clone(),
            head: case.columns.iter().map(|column| column.title).collect(),
            rows: rows.collect(),
            spread,
        }
    }
}

/// The median, and the median of its ratios to the first.
fn cell(column: &Column, services: usize, samples: &Samples, first: &Samples) -> String {
    let of = |samples: &Samples| samples.get(column.figure).cloned().unwrap_or_default();
    let (samples, first) = (of(samples), of(first));
    let Some(value) = median(&samples) else {
        return String::new();
    };
    let shown = column.unit.show(value, services);
    match median(&ratios(&samples, &first)) {
        Some(ratio) if column.is_compared => format!("{shown} ({ratio:.2})"),
        _ => shown,
    }
}

/// By round: what else the machine does for longer than a round slows both.
fn ratios(samples: &[f64], first: &[f64]) -> Vec<f64> {
    let rounds = samples.iter().zip(first);
    rounds.map(|(sample, first)| sample / first).collect()
}

/// The middle one; the mean of the two in the middle, where they are even.
fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

/// How far the middle half of the samples goes, as a part of the median; of a single one nothing is known.
fn spread(samples: &[f64]) -> Option<f64> {
    if samples.len() < 2 {
        return None;
    }
    let (low, high) = (quantile(samples, 0.25)?, quantile(samples, 0.75)?);
    Some((high - low) / median(samples)?)
}

#[expect(clippy::cast_sign_loss, reason = "a place in a list is not negative")]
fn quantile(samples: &[f64], part: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    Some(low + (high - low) * place.fract())
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} | {} |", self.title, self.head.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.head.len()))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        match self.spread {
            Some(spread) => writeln!(
                f,
                "\nWidest middle half: {:.0} % of its median.",
                spread * 100.0
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::column::DRAIN;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn the_spread_is_that_of_the_middle_half() {
        assert_eq!(spread(&[1.0]), None);
        assert_eq!(spread(&[1.0, 2.0, 2.0, 2.0, 99.0]), Some(0.0));
        assert_eq!(spread(&[1.0, 2.0, 4.0, 5.0, 6.0]), Some(0.75));
    }

    #[test]
    fn a_table_shows_medians_and_the_median_of_the_ratios_of_the_rounds() {
        let case = Case {
            what: "drain",
            title: "10,000 services".to_owned(),
            services: 10_000,
            seconds: 5,
            contenders: vec!["bare", "lifecycle", "late"],
            columns: DRAIN,
        };
        let samples = |values: &[f64]| Samples::from([("stop".to_owned(), values.to_vec())]);
        let table = Table::new(
            &case,
            &[
                ("bare", samples(&[0.020, 0.010, 0.019])),
                ("lifecycle", samples(&[0.040, 0.020, 0.019])),
                ("late", Samples::new()),
            ],
        );
        assert_eq!(
            table.to_string(),
            "| 10,000 services | stop | CPU of a life, each |\n\
             |---|---:|---:|\n\
             | bare | 19.0 ms (1.00) |  |\n\
             | lifecycle | 20.0 ms (2.00) |  |\n\
             | late |  |  |\n\
             \nWidest middle half: 52 % of its median.\n"
        );
    }
}
