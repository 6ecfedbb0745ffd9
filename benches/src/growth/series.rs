//! What was measured, as numbers: medians, how they grow, a table.

use std::fmt::Write as _;

/// One line of a picture: how much for how many services.
pub(super) struct Series {
    pub(super) title: &'static str,
    pub(super) points: Vec<(usize, f64)>,
}

/// What is measured.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Bytes,
}

impl Series {
    /// By what power of the number of services the figure has grown from the second point to the last: 1 is
    /// linear, 2 quadratic. At the first point what there is once still shows.
    pub(super) fn power(&self) -> Option<f64> {
        let (&(few, cheap), &(many, dear)) = (self.points.get(1)?, self.points.last()?);
        (many > few).then(|| (dear / cheap).ln() / (many as f64 / few as f64).ln())
    }
}

impl Unit {
    /// The value with its unit, of three digits.
    pub(super) fn show(self, value: f64) -> String {
        let (value, unit) = match self {
            Self::Seconds if value < 1e-6 => (value * 1e9, "ns"),
            Self::Seconds if value < 1e-3 => (value * 1e6, "µs"),
            Self::Seconds if value < 1.0 => (value * 1e3, "ms"),
            Self::Seconds => (value, "s"),
            Self::Bytes if value < 1024.0 * 1024.0 => (value / 1024.0, "KiB"),
            Self::Bytes if value < 1024.0 * 1024.0 * 1024.0 => (value / 1024.0 / 1024.0, "MiB"),
            Self::Bytes => (value / 1024.0 / 1024.0 / 1024.0, "GiB"),
        };
        let digits = match value {
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        format!("{value:.digits$} {unit}")
    }
}

/// The middle one; of an even number the upper of the two in the middle.
pub(super) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A table in Markdown: a row for each series, a column for each size.
pub(super) fn table(title: &str, unit: Unit, all: &[Series]) -> String {
    let mut sizes: Vec<usize> = all
        .iter()
        .flat_map(|series| series.points.iter().map(|point| point.0))
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    // Writing to a `String` can't fail.
    let mut text = format!("| {title} |");
    for size in &sizes {
        let _ = write!(text, " {} |", grouped(*size));
    }
    let _ = write!(
        text,
        " grows by the power |\n|---|{}",
        "---:|".repeat(sizes.len() + 1)
    );
    for series in all {
        let _ = write!(text, "\n| {} |", series.title);
        for size in &sizes {
            let point = series.points.iter().find(|point| point.0 == *size);
            let shown = point.map_or(String::new(), |point| unit.show(point.1));
            let _ = write!(text, " {shown} |");
        }
        let power = series.power();
        let power = power.map_or(String::new(), |power| format!("{power:.2}"));
        let _ = write!(text, " {power} |");
    }
    text + "\n"
}

/// `100000` as `100,000`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(usize, f64)]) -> Series {
        Series {
            title: "start",
            points: points.to_vec(),
        }
    }

    #[test]
    fn twice_the_services_at_twice_the_cost_is_linear() {
        let linear = series(&[(100, 0.05), (1_000, 0.1), (100_000, 10.0)]);
        assert!((linear.power().unwrap() - 1.0).abs() < 1e-9);
        let quadratic = series(&[(100, 0.05), (1_000, 0.1), (10_000, 10.0)]);
        assert!((quadratic.power().unwrap() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn of_one_point_nothing_is_known() {
        assert_eq!(series(&[(100, 1.0)]).power(), None);
        assert_eq!(series(&[(100, 1.0), (1_000, 2.0)]).power(), None);
    }

    #[test]
    fn values_have_three_digits_and_a_unit() {
        let seconds = [2.5e-8, 1.234e-5, 0.5, 12.5].map(|value| Unit::Seconds.show(value));
        assert_eq!(seconds, ["25.0 ns", "12.3 µs", "500 ms", "12.5 s"]);
        let bytes = [2_048.0, 3_145_728.0, 2_147_483_648.0].map(|value| Unit::Bytes.show(value));
        assert_eq!(bytes, ["2.00 KiB", "3.00 MiB", "2.00 GiB"]);
    }

    #[test]
    fn the_median_is_one_of_the_samples() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_table_leaves_out_what_was_not_measured() {
        let all = [
            series(&[(100, 0.1), (1_000, 1.0), (10_000, 10.0)]),
            series(&[(100, 0.1)]),
        ];
        assert_eq!(
            table("start", Unit::Seconds, &all),
            "| start | 100 | 1,000 | 10,000 | grows by the power |\n\
             |---|---:|---:|---:|---:|\n\
             | start | 100 ms | 1.00 s | 10.0 s | 1.00 |\n\
             | start | 100 ms |  |  |  |\n"
        );
    }
}
