//! Moments, as the database keeps them and as clients read them.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{Serialize, Serializer};

/// Milliseconds since 1970: an integer in the database, RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of the year 9999, the last moment RFC 3339 can write.
    const LAST: Self = Self(253_402_300_799_000);

    pub fn now() -> Self {
        Self(0).after(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        )
    }

    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis)).min(Self::LAST)
    }

    /// Seconds since 1970, as JSON Web Tokens count.
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    pub fn from_seconds(seconds: u64) -> Self {
        Self(0).after(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(self.0)).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.cast_signed().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = value.as_i64()?.max(0).cast_unsigned();
        Ok(Self(millis).min(Self::LAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lifetime_is_too_long_to_write_down() {
        assert_eq!(
            Timestamp::now().after(Duration::MAX).to_string(),
            "9999-12-31T23:59:59.000Z"
        );
        assert_eq!(
            Timestamp::from_seconds(1).to_string(),
            "1970-01-01T00:00:01.000Z"
        );
    }
}
