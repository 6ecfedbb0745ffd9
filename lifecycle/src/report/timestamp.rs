//! A time of the wall clock as text, in the form of RFC 3339, by UTC.

use std::fmt;
use std::time::{Duration, SystemTime};

const DAY: i64 = 86_400;

/// How much of a second is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// `2026-11-25T03:00Z`; with the second and its microseconds, where these are not zero.
    Minute,
    /// `2026-11-25T03:00:00.000Z`
    Millisecond,
}

/// Shows a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp(pub(crate) SystemTime, pub(crate) Precision);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = since_epoch(self.0);
        let (year, month, day) = date(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")?;
        match self.1 {
            Precision::Minute if second == 0 && nanos < 1_000 => {}
            Precision::Minute if nanos < 1_000 => write!(f, ":{second:02}")?,
            Precision::Minute => write!(f, ":{second:02}.{:06}", nanos / 1_000)?,
            Precision::Millisecond => write!(f, ":{second:02}.{:03}", nanos / 1_000_000)?,
        }
        f.write_str("Z")
    }
}

/// Whole seconds since 1970, rounded down, and the rest in nanoseconds.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    let signed = |length: Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (signed(after), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            match before.subsec_nanos() {
                0 => (-signed(before), 0),
                nanos => (-signed(before) - 1, 1_000_000_000 - nanos),
            }
        }
    }
}

/// Year, month and day of the day that is so many days after 1 January 1970.
///
/// Years are taken to begin in March, so that the leap day is their last one. Then 400 years have 146,097 days,
/// and five months from March on, or from August on, have 153.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    let year = era * 400 + year_of_era + i64::from(is_next_year);
    (year, if is_next_year { month - 9 } else { month + 3 }, day)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Precision, Timestamp};

    fn shown(seconds: i64, nanos: u32, precision: Precision) -> String {
        let length = Duration::from_secs(seconds.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let time = if seconds < 0 {
            epoch - length
        } else {
            epoch + length
        };
        Timestamp(time + Duration::from_nanos(nanos.into()), precision).to_string()
    }

    #[test]
    fn times_are_written_by_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00Z"),
            (951_868_800, "2000-03-01T00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00Z"),
            (-2_208_988_800, "1900-01-01T00:00Z"),
            (253_402_300_800, "10000-01-01T00:00Z"),
        ] {
            assert_eq!(shown(seconds, 0, Precision::Minute), text);
        }
        assert_eq!(
            shown(1_764_039_600, 7_999_999, Precision::Millisecond),
            "2025-11-25T03:00:00.007Z"
        );
        assert_eq!(
            shown(-1, 1_000_000, Precision::Millisecond),
            "1969-12-31T23:59:59.001Z"
        );
    }

    #[test]
    #[cfg(feature = "cron")]
    fn each_day_of_eight_centuries_is_the_one_of_the_calendar() {
        for day in -146_100_i64..146_100 {
            let time = jiff::Timestamp::from_second(day * 86_400).unwrap();
            let expected = time.to_string().replace(":00Z", "Z");
            assert_eq!(shown(day * 86_400, 0, Precision::Minute), expected);
        }
    }
}
