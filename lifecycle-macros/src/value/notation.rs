//! A duration in another notation goes in; the same duration comes out as it is written here.
//!
//! The notations are ISO 8601 (`PT5S`), clocks (`00:05:00`), the nicknames of cron (`@hourly`,
//! `@every 5m`), a last number without its unit (`5m30`), and commas or words between the parts. A
//! text with two meanings, such as `1:30` or `1,000ms`, is none of them.

use lifecycle_rules::duration::{self, DurationProblem};

/// The duration, which is valid here and above zero.
pub(crate) fn duration(text: &str) -> Option<String> {
    let text = text.trim();
    let readers = [from_nickname, from_iso, from_clock, from_loose];
    let mut found = readers.iter().filter_map(|read| read(text));
    found.find(|found| duration::parse(found).is_ok_and(|length| !length.is_zero()))
}

/// `@every 5m`, `hourly`.
fn from_nickname(text: &str) -> Option<String> {
    let lower = text.trim_start_matches('@').to_lowercase();
    let length = match lower.as_str() {
        "secondly" => "1s",
        "minutely" => "1m",
        "hourly" => "1h",
        "daily" | "midnight" => "1d",
        "weekly" => "1w",
        other => {
            let rest = other.strip_prefix("every ")?.trim();
            return match duration::parse(rest) {
                Ok(_) => Some(rest.to_owned()),
                Err(_) => from_iso(rest).or_else(|| from_loose(rest)),
            };
        }
    };
    Some(length.to_owned())
}

/// `PT1H30M`, `P1DT12H`; months and years have no length.
fn from_iso(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let rest = upper.strip_prefix('P')?;
    let (days, times) = rest.split_once('T').unwrap_or((rest, ""));
    let mut parts = iso_parts(days, "WD")?;
    parts.extend(iso_parts(times, "HMS")?);
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn iso_parts(mut text: &str, units: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next().filter(|unit| units.contains(*unit))?;
        parts.push(format!("{number}{}", unit.to_ascii_lowercase()));
        text = &rest[1..];
    }
    Some(parts)
}

/// `00:05:00`: hours, minutes, seconds.
fn from_clock(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else {
        return None;
    };
    if parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    let parts = [(hours, "h"), (minutes, "m"), (seconds, "s")];
    let parts = parts.map(|(number, unit)| {
        let number = number.trim_start_matches('0');
        let number = if number.starts_with('.') {
            format!("0{number}")
        } else {
            number.to_owned()
        };
        (!number.is_empty()).then(|| format!("{number}{unit}"))
    });
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// Texts that only one duration can be meant by: `1h, 30m`, `+5m`, `1_000ms`, `.5s`, `30S`, `5m30`.
fn from_loose(text: &str) -> Option<String> {
    let text = text.strip_prefix('+').unwrap_or(text).trim_start();
    let text = text.replace(", ", " ").replace(" and ", " ");
    let text = text.replace('\u{3bc}', "\u{b5}");
    let mut tidy = String::new();
    for part in parts(&text) {
        let part = if part.starts_with('.') {
            format!("0{part}")
        } else {
            part
        };
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            tidy.push_str(if tidy.is_empty() { "" } else { " " });
            tidy.push_str(&part.replace('_', "").replace(',', "."));
        } else if duration::parse(&format!("1{part}"))
            .is_err_and(|problem| matches!(problem, DurationProblem::UnknownUnit { .. }))
        {
            tidy.push_str(&part.to_lowercase());
        } else {
            tidy.push_str(&part);
        }
    }
    let is_clear = !text.contains(',') || has_decimal_comma(&text);
    let ends_in_digit = tidy.ends_with(|last: char| last.is_ascii_digit());
    if ends_in_digit {
        let unit = unit_below(tidy.rsplit_once(' ')?.0)?;
        tidy.push_str(unit);
    }
    is_clear.then_some(tidy)
}

/// Splits the text into numbers and units.
fn parts(text: &str) -> Vec<String> {
    let is_number = |letter: char| letter.is_ascii_digit() || ".,_".contains(letter);
    let mut parts: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut before = None;
        for letter in word.chars() {
            let number = is_number(letter);
            match parts.last_mut() {
                Some(last) if before == Some(number) => last.push(letter),
                _ => parts.push(letter.to_string()),
            }
            before = Some(number);
        }
    }
    parts
}

/// Whether the comma is a decimal point, as in `1,5h`; in `1,000ms` it may separate thousands.
fn has_decimal_comma(text: &str) -> bool {
    let mut halves = text.split(',');
    let (Some(_), Some(behind), None) = (halves.next(), halves.next(), halves.next()) else {
        return false;
    };
    let digits = behind.chars().take_while(char::is_ascii_digit).count();
    matches!(digits, 1 | 2)
}

/// The unit of the last number in `5m30`: one below that of the number before.
fn unit_below(text: &str) -> Option<&'static str> {
    let last = text.rsplit_once(' ').map_or(text, |(_, last)| last);
    let unit = last.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let one = duration::parse(&format!("1{unit}")).ok()?;
    let units = ["w", "d", "h", "m", "s", "ms", "us", "ns"];
    let place = units
        .iter()
        .position(|unit| duration::parse(&format!("1{unit}")) == Ok(one))?;
    units.get(place + 1).copied()
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn what_is_meant() {
        let cases = [
            ("PT5S", "5s"),
            ("pt1h30m", "1h 30m"),
            ("P1DT0.5S", "1d 0.5s"),
            ("P2W", "2w"),
            ("@every 5m", "5m"),
            ("every 1h30m10s", "1h30m10s"),
            ("@every PT5M", "5m"),
            ("@hourly", "1h"),
            ("daily", "1d"),
            ("00:05:00", "5m"),
            ("1:00:30.5", "1h 30.5s"),
            ("00:00:00.250", "0.250s"),
            ("5m30", "5m 30s"),
            ("1h 30", "1h 30m"),
            ("2d12", "2d 12h"),
            ("5 minutes 30", "5minutes 30s"),
            ("5s 500", "5s 500ms"),
            ("1h, 30m", "1h 30m"),
            ("1h and 30m", "1h 30m"),
            ("1,5h", "1.5h"),
            ("1_000ms", "1000ms"),
            (".5s", "0.5s"),
            ("+5m", "5m"),
            ("30S", "30s"),
            ("1H30s", "1h 30s"),
            ("7\u{3bc}s", "7\u{b5}s"),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_may_mean_anything() {
        for text in [
            "",
            "soon",
            "30",
            "3 0s",
            "1:30",
            "1,000ms",
            "P1M",
            "P1Y",
            "PT",
            "P",
            "PT0S",
            "1M",
            "-5m",
            "5 parsecs",
            "1.2.3s",
            "every day",
            "@monthly",
            "00:00:00",
            "5m30x",
            "1h 1h 5",
            "30%",
            "é",
            "::",
            "1::",
            "P\u{e9}",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
