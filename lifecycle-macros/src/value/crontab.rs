//! A text that is a cron expression for other tools, but not here, goes in; what to write instead
//! comes out. Others have intervals, a zone before the fields, a year behind them, and the weekdays
//! of Quartz.

use lifecycle_rules::cron::{self, CronProblem};
use lifecycle_rules::duration;

use crate::value::notation;

use super::zone::near_zone;

pub(crate) fn advise(written: &str) -> Option<String> {
    advise_interval(written)
        .or_else(|| advise_zone(written))
        .or_else(|| read_fields(written).map(|fields| format!("write `{fields}`")))
}

/// `@every 5m`, `5m`
pub(crate) fn advise_interval(written: &str) -> Option<String> {
    let rest = written.trim().strip_prefix("@every ");
    let text = rest.unwrap_or(written).trim();
    // `hourly` means the full hour, and `interval = "1h"` would not.
    if !text.contains(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let is_sound = duration::parse(text).is_ok_and(|length| !length.is_zero());
    let interval = is_sound
        .then(|| text.to_owned())
        .or_else(|| notation::duration(text))?;
    Some(format!("write `interval = \"{interval}\"`"))
}

/// `CRON_TZ=Europe/Berlin 0 3 * * *`
fn advise_zone(written: &str) -> Option<String> {
    let (first, rest) = written.trim().split_once(char::is_whitespace)?;
    let (key, zone) = first.split_once('=')?;
    if !["TZ", "CRON_TZ"].contains(&key) {
        return None;
    }
    let fields = sound(rest.trim())?;
    let zone = near_zone(zone)?;
    Some(format!("write `cron = \"{fields}\", tz = \"{zone}\"`"))
}

/// The expression itself if it is sound, or what it is here.
fn sound(text: &str) -> Option<String> {
    let Err(problem) = cron::parse(text) else {
        return Some(text.to_owned());
    };
    let help = problem.help();
    let spelt_out = match problem {
        CronProblem::Nickname(_) => help.strip_prefix("write `")?.strip_suffix('`'),
        _ => None,
    };
    spelt_out.map(str::to_owned).or_else(|| read_fields(text))
}

/// Quartz has a second before the fields and perhaps a year behind them; `EventBridge` has a year
/// and no second. Both write `?` and count weekdays from 1.
fn read_fields(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let is_any = |index: usize| fields.get(index) == Some(&"?");
    let (fields, counts_from_one) = match fields.as_slice() {
        [before @ .., "*" | "?"] if before.len() == 6 => (before, true),
        [before @ .., "*"] if before.len() == 5 && (is_any(2) || is_any(4)) => (before, true),
        six if six.len() == 6 && (is_any(3) || is_any(5)) => (six, true),
        five if five.len() == 5 && fields.contains(&"?") => (five, false),
        _ => return None,
    };
    let (weekday, others) = fields.split_last()?;
    let weekday = if counts_from_one {
        name_weekdays(weekday)
    } else {
        (*weekday).to_owned()
    };
    let fields = others.iter().copied().chain([weekday.as_str()]);
    let fields = fields.map(|field| if field == "?" { "*" } else { field });
    let fields = fields.collect::<Vec<_>>().join(" ");
    cron::parse(&fields).is_ok().then_some(fields)
}

/// Turns `2-6` into `MON-FRI`. A number behind a `#` or a `/` is no day.
fn name_weekdays(field: &str) -> String {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let mut named = String::new();
    for letter in field.chars() {
        let day = letter.to_digit(10).and_then(|day| day.checked_sub(1));
        let name = day.and_then(|day| NAMES.get(usize::try_from(day).ok()?));
        match name {
            Some(name) if !named.ends_with(['#', '/']) => named.push_str(name),
            _ => named.push(letter),
        }
    }
    named
}

#[cfg(test)]
#[cfg(feature = "cron")]
mod tests {
    use super::advise;

    #[test]
    fn what_is_meant() {
        let cases = [
            ("@every 5m", "interval = \"5m\""),
            ("@every 1h30m", "interval = \"1h30m\""),
            ("5m", "interval = \"5m\""),
            ("PT5M", "interval = \"5m\""),
            ("5m30", "interval = \"5m 30s\""),
            (
                "CRON_TZ=Europe/Berlin 0 3 * * *",
                "cron = \"0 3 * * *\", tz = \"Europe/Berlin\"",
            ),
            ("TZ=utc @daily", "cron = \"0 0 * * *\", tz = \"UTC\""),
            (
                "TZ=UTC 0 0 3 ? * 2",
                "cron = \"0 0 3 * * MON\", tz = \"UTC\"",
            ),
            ("0 0 3 * * ?", "0 0 3 * * *"),
            ("0 0 3 ? * 2-6", "0 0 3 * * MON-FRI"),
            ("0 0 3 ? * 6#3", "0 0 3 * * FRI#3"),
            ("0 0 3 ? * 6L", "0 0 3 * * FRIL"),
            ("0 0 3 ? * MON", "0 0 3 * * MON"),
            ("0 0 3 * * ? *", "0 0 3 * * *"),
            ("0 0 3 1 1 ? *", "0 0 3 1 1 *"),
            ("0 10 * * ? *", "0 10 * * *"),
            ("15 12 ? * 2 *", "15 12 * * MON"),
            ("0 3 ? * 1", "0 3 * * 1"),
        ];
        for (text, expected) in cases {
            assert_eq!(advise(text), Some(format!("write `{expected}`")), "{text}");
        }
    }

    #[test]
    fn what_nobody_can_tell() {
        for text in [
            "",
            "* *",
            "61 * * * *",
            "0 0 3 * * ? 2026",
            "TZ=UTC 61 * * * *",
            "TZ=Mars/Olympus 0 3 * * *",
            "A=B 0 3 * * *",
            "@reboot",
            "@every day",
        ] {
            assert_eq!(advise(text), None, "{text}");
        }
    }
}
