//! The text of a duration literal goes in; a `Duration` comes out, or why it is none.
//!
//! humantime knows the units, and is asked about one number with its unit at a time. On its own it
//! reads `1M` as a month, adds up `1h 1h` and offers months and years to whoever forgets a unit.
//! Zero is a duration: the caller knows whether it is allowed.

use std::fmt;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Nothing but white space.
    Empty,
    /// A minus sign in front.
    Negative,
    /// Not numbers and units in turn.
    Malformed,
    /// One number, and nothing else.
    NoUnit {
        /// The number as it is written.
        number: String,
    },
    /// One number of several has no unit.
    PartWithoutUnit {
        /// The number as it is written.
        number: String,
    },
    /// A word that is no unit.
    UnknownUnit {
        /// The word as it is written.
        unit: String,
    },
    /// A month has no fixed length.
    Month {
        /// The unit as it is written.
        unit: String,
    },
    /// A year has no fixed length.
    Year,
    /// One unit, or two spellings of one.
    RepeatedUnit {
        /// The second one as it is written.
        unit: String,
    },
    /// More than a [`Duration`] holds.
    TooLong,
    /// Parts of a nanosecond.
    TooFine,
}

/// Reads a duration: numbers, each with its unit.
///
/// # Errors
///
/// The first mistake in it.
pub fn parse(text: &str) -> Result<Duration, Problem> {
    let mut rest = text.trim();
    match rest {
        "" => return Err(Problem::Empty),
        "0" => return Ok(Duration::ZERO),
        _ if rest.starts_with(['-', '\u{2212}']) => return Err(Problem::Negative),
        _ => {}
    }
    let mut total = Duration::ZERO;
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let (number, unit);
        (number, rest) = split(rest, |letter| letter.is_ascii_digit() || letter == '.');
        (unit, rest) = split(rest.trim_start(), char::is_alphabetic);
        rest = rest.trim_start();

        let is_whole = seen.is_empty() && rest.is_empty();
        let length = parse_unit(number, unit, rest).map_err(|problem| match problem {
            Problem::NoUnit { number } if !is_whole => Problem::PartWithoutUnit { number },
            other => other,
        })?;
        // Two spellings of one unit have one length.
        if seen.contains(&length) {
            return Err(Problem::RepeatedUnit {
                unit: unit.to_owned(),
            });
        }
        seen.push(length);
        let too_much = if number.contains('.') {
            Problem::TooFine
        } else {
            Problem::TooLong
        };
        let part = humantime::parse_duration(&format!("{number}{unit}")).map_err(|_| too_much)?;
        total = total.checked_add(part).ok_or(Problem::TooLong)?;
    }
    Ok(total)
}

/// The leading letters that fit, and the rest.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !fits(letter)).unwrap_or(text.len()))
}

/// How long one of the unit is.
fn parse_unit(number: &str, unit: &str, rest: &str) -> Result<Duration, Problem> {
    let is_number = number.starts_with(|first: char| first.is_ascii_digit())
        && number.ends_with(|last: char| last.is_ascii_digit())
        && number.matches('.').count() <= 1;
    if !is_number {
        return Err(Problem::Malformed);
    }
    if unit.is_empty() {
        return Err(match rest.chars().next() {
            Some(next) if !next.is_ascii_digit() => Problem::Malformed,
            _ => Problem::NoUnit {
                number: number.to_owned(),
            },
        });
    }
    match humantime::parse_duration(&format!("1{unit}")) {
        Ok(length) if length > 31 * DAY => Err(Problem::Year),
        Ok(length) if length > 7 * DAY => Err(Problem::Month {
            unit: unit.to_owned(),
        }),
        Ok(length) => Ok(length),
        Err(_) => Err(Problem::UnknownUnit {
            unit: unit.to_owned(),
        }),
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Continues "`30x` ..".
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Negative => f.write_str("is negative"),
            Self::Malformed => f.write_str("is not a duration"),
            Self::NoUnit { .. } => f.write_str("has no unit"),
            Self::PartWithoutUnit { number } => {
                write!(f, "has a number without a unit, `{number}`")
            }
            Self::UnknownUnit { unit } => write!(f, "has an unknown unit, `{unit}`"),
            Self::Month { .. } => f.write_str("counts in months, and those differ in length"),
            Self::Year => f.write_str("counts in years, and those differ in length"),
            Self::RepeatedUnit { unit } => write!(f, "counts `{unit}` twice"),
            Self::TooLong => f.write_str("is longer than a duration can be"),
            Self::TooFine => f.write_str("is finer than a nanosecond"),
        }
    }
}

impl Problem {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Empty | Self::Negative | Self::Malformed => {
                "write a number and a unit, such as `30s` or `1h 30m`".to_owned()
            }
            Self::NoUnit { number } => format!("write `{number}s` for seconds"),
            Self::PartWithoutUnit { .. } => {
                "write each number with its unit, such as `1h 30m`".to_owned()
            }
            Self::UnknownUnit { unit } => {
                let lower = unit.to_lowercase();
                if parse_unit("1", &lower, "").is_ok() {
                    format!("did you mean `{lower}`?")
                } else {
                    "the units are `w`, `d`, `h`, `m`, `s`, `ms`, `us` and `ns`".to_owned()
                }
            }
            Self::Month { unit } if unit == "M" => {
                "write `m` for minutes, or count in days, such as `30d`".to_owned()
            }
            Self::Month { .. } => "count in days, such as `30d`".to_owned(),
            Self::Year => "count in days, such as `365d`".to_owned(),
            Self::RepeatedUnit { .. } => "write each unit once, such as `1h 30m`".to_owned(),
            Self::TooLong => "write a shorter one".to_owned(),
            Self::TooFine => "write a coarser one".to_owned(),
        }
    }
}
