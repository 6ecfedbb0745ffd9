//! The text of a duration literal goes in; a `Duration` comes out, or the problem with it.
//!
//! The units are those of humantime in all their spellings, except months and years, which have no
//! fixed length. Zero is a duration: the caller decides whether it is allowed.

use std::fmt;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DurationProblem {
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
/// The first problem of it.
pub fn parse(text: &str) -> Result<Duration, DurationProblem> {
    let mut rest = text.trim();
    match rest {
        "" => return Err(DurationProblem::Empty),
        "0" => return Ok(Duration::ZERO),
        _ if rest.starts_with(['-', '\u{2212}']) => return Err(DurationProblem::Negative),
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
            DurationProblem::NoUnit { number } if !is_whole => {
                DurationProblem::PartWithoutUnit { number }
            }
            other => other,
        })?;
        // Two spellings of one unit have one length.
        if seen.contains(&length) {
            return Err(DurationProblem::RepeatedUnit {
                unit: unit.to_owned(),
            });
        }
        seen.push(length);
        let part = multiply(number, length)?;
        total = total.checked_add(part).ok_or(DurationProblem::TooLong)?;
    }
    Ok(total)
}

/// The leading letters that fit, and the rest.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !fits(letter)).unwrap_or(text.len()))
}

/// How many nanoseconds are in one of the unit; `rest` is what follows it.
fn parse_unit(number: &str, unit: &str, rest: &str) -> Result<u64, DurationProblem> {
    let is_number = number.starts_with(|first: char| first.is_ascii_digit())
        && number.ends_with(|last: char| last.is_ascii_digit())
        && number.matches('.').count() <= 1;
    if !is_number {
        return Err(DurationProblem::Malformed);
    }
    if unit.is_empty() {
        return Err(match rest.chars().next() {
            Some(next) if !next.is_ascii_digit() => DurationProblem::Malformed,
            _ => DurationProblem::NoUnit {
                number: number.to_owned(),
            },
        });
    }
    unit_length(unit)
}

/// How many nanoseconds are in one of the unit.
fn unit_length(unit: &str) -> Result<u64, DurationProblem> {
    const SECOND: u64 = 1_000_000_000;
    const DAY: u64 = 24 * 60 * 60 * SECOND;
    Ok(match unit {
        "ns" | "nsec" | "nanos" => 1,
        "us" | "\u{b5}s" | "usec" => 1_000,
        "ms" | "msec" | "millis" => 1_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60 * 60 * SECOND,
        "d" | "day" | "days" => DAY,
        "w" | "wk" | "wks" | "week" | "weeks" => 7 * DAY,
        "M" | "month" | "months" => {
            let unit = unit.to_owned();
            return Err(DurationProblem::Month { unit });
        }
        "y" | "yr" | "yrs" | "year" | "years" => return Err(DurationProblem::Year),
        _ => {
            let unit = unit.to_owned();
            return Err(DurationProblem::UnknownUnit { unit });
        }
    })
}

/// `1.5` of a unit that is so many nanoseconds long.
fn multiply(number: &str, length: u64) -> Result<Duration, DurationProblem> {
    const SECOND: u128 = 1_000_000_000;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| DurationProblem::TooLong)?;
    // The result has to be whole nanoseconds, so even a week has room for 14 digits only, and
    // `10^digits` fits.
    let fraction = fraction.trim_end_matches('0');
    let digits = u32::try_from(fraction.len()).map_err(|_| DurationProblem::TooFine)?;
    let denominator = 10_u64.checked_pow(digits).ok_or(DurationProblem::TooFine)?;
    let numerator: u64 = format!("0{fraction}")
        .parse()
        .map_err(|_| DurationProblem::TooFine)?;
    let fraction = u128::from(numerator) * u128::from(length);
    if fraction % u128::from(denominator) != 0 {
        return Err(DurationProblem::TooFine);
    }
    let nanos = u128::from(whole) * u128::from(length) + fraction / u128::from(denominator);
    let seconds = u64::try_from(nanos / SECOND).map_err(|_| DurationProblem::TooLong)?;
    let rest = u32::try_from(nanos % SECOND).map_err(|_| DurationProblem::TooLong)?;
    Ok(Duration::new(seconds, rest))
}

/// Continues "`30x` ..".
impl fmt::Display for DurationProblem {
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

impl DurationProblem {
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
