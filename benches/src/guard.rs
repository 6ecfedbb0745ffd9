//! The figures that are kept in a file, and how those just counted compare with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// By how much a figure may grow before that is an error, in per cent. What is left to chance, the keys
/// of hash maps, stays far below it.
pub const TOLERANCE: u64 = 5;

/// What was counted, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, u64>);

/// A figure that has changed by more than it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    name: String,
    /// None when there is nothing to compare with.
    kept: Option<u64>,
    /// None when it was not counted.
    now: Option<u64>,
}

impl Figures {
    /// Reads a file of figures: a name and a number on each line, and comments.
    ///
    /// # Errors
    ///
    /// The first line that is something else, or that names a figure again.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut figures = Self::default();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || format!("not a figure: `{line}`");
            let (name, number) = line.rsplit_once(' ').ok_or_else(wrong)?;
            let number = number.parse().map_err(|_| wrong())?;
            if figures
                .0
                .insert(name.trim_end().to_owned(), number)
                .is_some()
            {
                return Err(format!("`{}` is there twice", name.trim_end()));
            }
        }
        Ok(figures)
    }

    /// Adds one.
    pub fn add(&mut self, name: impl Into<String>, number: u64) {
        self.0.insert(name.into(), number);
    }

    /// What has changed by more than it may from those that are kept to these.
    #[must_use]
    pub fn changes_since(&self, kept: &Self) -> Vec<Change> {
        let names: BTreeSet<&String> = self.0.keys().chain(kept.0.keys()).collect();
        let change = |name: &String| Change {
            name: name.clone(),
            kept: kept.0.get(name).copied(),
            now: self.0.get(name).copied(),
        };
        let changes = names.into_iter().map(change);
        changes.filter(Change::matters).collect()
    }
}

impl Change {
    /// Whether the check has failed: unless the figure shrank.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match (self.kept, self.now) {
            (Some(kept), Some(now)) => now > kept,
            _ => true,
        }
    }

    fn matters(&self) -> bool {
        match (self.kept, self.now) {
            (Some(kept), Some(now)) => exceeds(now, kept) || exceeds(kept, now),
            _ => true,
        }
    }
}

/// Whether `large` is more than `small` and what is tolerated on top of it.
fn exceeds(large: u64, small: u64) -> bool {
    u128::from(large) * 100 > u128::from(small) * u128::from(100 + TOLERANCE)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.keys().map(String::len).max().unwrap_or(0);
        for (name, number) in &self.0 {
            writeln!(f, "{name:width$} {number}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let (Some(kept), Some(now)) = (self.kept, self.now) else {
            let which = if self.kept.is_some() {
                "counted"
            } else {
                "kept"
            };
            return write!(f, "{name}: no figure was {which}");
        };
        let percent = (now as f64 / kept as f64 - 1.0) * 100.0;
        write!(
            f,
            "{name}: {now} instructions, {percent:+.1} % on the {kept} that are kept"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(text: &str) -> Figures {
        Figures::parse(text).unwrap()
    }

    fn changes(kept: &str, now: &str) -> Vec<String> {
        let changes = figures(now).changes_since(&figures(kept));
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let written = figures("# instructions\n\nlife, bare 4549\ntick, lifecycle  2705\n");
        assert_eq!(figures(&written.to_string()), written);
        assert_eq!(
            written.to_string(),
            "life, bare      4549\ntick, lifecycle 2705\n"
        );
    }

    #[test]
    fn a_line_that_is_no_figure_is_an_error() {
        for line in ["tick", "tick many", "tick -3", "tick 1.5"] {
            assert_eq!(Figures::parse(line), Err(format!("not a figure: `{line}`")));
        }
        assert_eq!(
            Figures::parse("tick 1\ntick  2"),
            Err("`tick` is there twice".to_owned())
        );
    }

    #[test]
    fn growth_is_an_error_from_the_tolerance_on() {
        assert_eq!(changes("tick 1000", "tick 1000"), [""; 0]);
        assert_eq!(changes("tick 1000", "tick 1050"), [""; 0]);
        assert_eq!(
            changes("tick 1000", "tick 1051"),
            ["tick: 1051 instructions, +5.1 % on the 1000 that are kept"]
        );
        assert!(figures("tick 1051").changes_since(&figures("tick 1000"))[0].is_error());
    }

    #[test]
    fn a_figure_that_shrank_is_said_and_is_no_error() {
        let shrunk = figures("tick 900").changes_since(&figures("tick 1000"));
        assert_eq!(
            shrunk[0].to_string(),
            "tick: 900 instructions, -10.0 % on the 1000 that are kept"
        );
        assert!(!shrunk[0].is_error());
    }

    #[test]
    fn a_figure_without_a_counterpart_is_an_error() {
        assert_eq!(
            changes("a 1\nb 1", "b 1\nc 1"),
            ["a: no figure was counted", "c: no figure was kept"]
        );
        assert!(
            figures("c 1")
                .changes_since(&figures("a 1"))
                .iter()
                .all(Change::is_error)
        );
    }

    #[test]
    fn nothing_overflows() {
        let most = format!("tick {}", u64::MAX);
        assert_eq!(changes(&most, &most), [""; 0]);
        assert_eq!(changes("tick 0", "tick 1").len(), 1);
    }
}
