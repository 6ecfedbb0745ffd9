//! How a time zone is written: as its name, as `local` for the zone of the machine, or as an offset from UTC
//! in the forms of ISO 8601, `+02:00`, `+0200` and `+02`.

/// The zone of the machine.
pub const LOCAL: &str = "local";

/// A zone as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone<'a> {
    /// That of the machine.
    Local,
    /// So many seconds ahead of UTC, as it is east of Greenwich; negative west of it.
    Offset(i32),
    /// The one that has this name, if there is one.
    Named(&'a str),
}

/// A text that begins as an offset does, and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetProblem;

impl OffsetProblem {
    /// What to write instead.
    #[must_use]
    pub const fn help(self) -> &'static str {
        "write the hours of an offset and its minutes, such as `+02:00` or `-0330`, up to `23:59`"
    }
}

/// Tells what is written. Whether there is a zone of that name is not checked.
///
/// # Errors
///
/// The text begins with a sign, and is no offset.
pub fn parse(text: &str) -> Result<Zone<'_>, OffsetProblem> {
    if text == LOCAL {
        return Ok(Zone::Local);
    }
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        // The minus of typography, which ISO 8601 allows too. Jobs are not configured with it.
        _ if text.starts_with('\u{2212}') => return Err(OffsetProblem),
        _ => return Ok(Zone::Named(text)),
    };
    let seconds = seconds(digits).ok_or(OffsetProblem)?;
    Ok(Zone::Offset(sign * seconds))
}

/// `02:00`, `0200`, `02`
fn seconds(text: &str) -> Option<i32> {
    let is_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, rest) = text.split_at_checked(2)?;
    let minutes = match rest {
        "" => "00",
        rest => rest.strip_prefix(':').unwrap_or(rest),
    };
    if !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) * 60)
}

/// The offset that is most likely meant, as it is written here: `+02:00` for `UTC+2`, `+2` and `+2:00`.
#[must_use]
pub fn meant_offset(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = ["UTC", "GMT"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text)
        .trim_start();
    let sign = rest.chars().next()?;
    let shown = match sign {
        '+' => '+',
        '-' | '\u{2212}' => '-',
        _ => return None,
    };
    let digits = &rest[sign.len_utf8()..];
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some(parts), _) => parts,
        (None, 3 | 4) => digits.split_at_checked(digits.len() - 2)?,
        (None, _) => (digits, "00"),
    };
    let offset = format!("{shown}{hours:0>2}:{minutes}");
    let is_sound = !hours.is_empty() && matches!(parse(&offset), Ok(Zone::Offset(_)));
    is_sound.then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::{OffsetProblem, Zone, meant_offset, parse};

    #[test]
    fn offsets_in_the_forms_of_iso_8601() {
        for (text, minutes) in [
            ("+02:00", 120),
            ("+0200", 120),
            ("+02", 120),
            ("-03:30", -210),
            ("-0330", -210),
            ("+00:00", 0),
            ("-00", 0),
            ("+05:45", 345),
            ("+23:59", 1439),
            ("-2359", -1439),
        ] {
            assert_eq!(parse(text), Ok(Zone::Offset(minutes * 60)), "{text}");
        }
        for text in [
            "+",
            "-",
            "+2",
            "+2:00",
            "+200",
            "+24:00",
            "+02:60",
            "+02:0",
            "+02:",
            "+02:000",
            "+02:00:00",
            "+020000",
            "+ 02",
            "+02 00",
            "+aa",
            "+é",
            "++02",
            "+1é",
            "-local",
            "\u{2212}02:00",
        ] {
            assert_eq!(parse(text), Err(OffsetProblem), "{text}");
        }
    }

    #[test]
    fn all_else_is_a_name() {
        assert_eq!(parse("local"), Ok(Zone::Local));
        for text in ["Europe/Berlin", "UTC", "UTC+2", "Local", "", "02:00", "é"] {
            assert_eq!(parse(text), Ok(Zone::Named(text)));
        }
    }

    #[test]
    fn offsets_in_other_notations() {
        for (text, meant) in [
            ("+2", "+02:00"),
            ("-530", "-05:30"),
            ("+5:45", "+05:45"),
            ("UTC+2", "+02:00"),
            ("GMT-03:30", "-03:30"),
            ("UTC +2", "+02:00"),
            ("\u{2212}02:00", "-02:00"),
            ("+02:00", "+02:00"),
        ] {
            assert_eq!(meant_offset(text).as_deref(), Some(meant), "{text}");
        }
        for text in [
            "",
            "UTC",
            "2",
            "+",
            "+25",
            "+2:7",
            "+é",
            "+1é0",
            "+02:00:00",
            "+5h",
        ] {
            assert_eq!(meant_offset(text), None, "{text}");
        }
    }
}
