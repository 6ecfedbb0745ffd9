//! Durations and instants as people read them.

use std::time::{Duration, SystemTime};

/// At most two units: `3 d 4 h`, `14 m 2 s`, `4.2 s`, `120 ms`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |big: u64, one: &str, small: u64, other: &str| match small {
        0 => format!("{big} {one}"),
        _ => format!("{big} {one} {small} {other}"),
    };
    match seconds {
        0 if span < Duration::from_millis(1) => format!("{:.2} ms", span.as_secs_f64() * 1e3),
        0 => format!("{} ms", span.as_millis()),
        1..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "m"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

/// The time of day in UTC, `03:04:05`.
pub(crate) fn time_of_day(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs() % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `1 service`, `2 services`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_at_most_two_units() {
        let shown = |millis| duration(Duration::from_millis(millis));
        for (millis, expected) in [
            (0, "0.00 ms"),
            (1, "1 ms"),
            (999, "999 ms"),
            (4_240, "4.2 s"),
            (59_999, "59 s"),
            (60_000, "1 m"),
            (842_000, "14 m 2 s"),
            (3_600_000, "1 h"),
            (7_500_000, "2 h 5 m"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(shown(millis), expected);
        }
    }

    #[test]
    fn the_time_of_day_is_of_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 + 3 * 3_600 + 4 * 60 + 5);
        assert_eq!(time_of_day(time), "03:04:05");
    }
}
