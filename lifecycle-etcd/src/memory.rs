//! Memory: one key for each schedule, with the point that began last.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use lifecycle::{BoxError, Memory, Point, Remembered};

use crate::error::EtcdError;
use crate::etcd::Etcd;
use crate::gateway::Call;
use crate::gateway::message::{self, KeyValue};
use crate::keys;

#[async_trait]
impl Memory for Etcd {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError> {
        let call = self.gateway.call("tell the last point of a schedule");
        let stored = self.stored(call, name).await.map_err(EtcdError::boxed)?;
        Ok(stored.point)
    }

    async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let begun = self.begin_point(name, point).await;
        begun.map_err(EtcdError::boxed)
    }

    async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let ended = self.end_point(name, point).await;
        ended.map_err(EtcdError::boxed)
    }
}

/// What is stored of a schedule, and in which revision it was written; 0 and nothing, where nothing is.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) revision: i64,
    pub(crate) point: Option<Remembered>,
    written: Vec<u8>,
}

impl Stored {
    pub(crate) fn of(read: Option<&KeyValue>) -> Result<Self, EtcdError> {
        let Some(read) = read else {
            return Ok(Self::default());
        };
        let point = parse(&read.value);
        let foreign = || EtcdError::Foreign(String::from_utf8_lossy(&read.key).into_owned());
        Ok(Self {
            revision: read.mod_revision,
            point: Some(point.ok_or_else(foreign)?),
            written: read.value.clone(),
        })
    }

    /// Whether this attempt at this point is the last, and has not ended.
    pub(crate) fn is_open(&self, point: &Point) -> bool {
        self.point == Some(Remembered::new(*point, false))
    }
}

impl Etcd {
    pub(crate) fn point_key(&self, name: &str) -> Vec<u8> {
        keys::point(&self.gateway.settings.prefix, name)
    }

    pub(crate) async fn stored(&self, call: Call, name: &str) -> Result<Stored, EtcdError> {
        let read = message::transaction(&[], &[message::get(&self.point_key(name))], &[]);
        Stored::of(self.gateway.transact(call, &read).await?.read(0))
    }

    async fn begin_point(&self, name: &str, point: &Point) -> Result<bool, EtcdError> {
        let call = self.gateway.call("begin a point");
        let point = stored_as(point);
        // By this it knows its own writing again, should it be sent twice.
        let begun = format!("{} {:016x}", text(&point, false), fastrand::u64(..)).into_bytes();
        let mut stored = self.stored(call, name).await?;
        loop {
            if stored.written == begun {
                return Ok(true);
            }
            if stored.point.is_some_and(|last| !last.allows(&point)) {
                return Ok(false);
            }
            match self.replace(call, name, &stored, &begun).await? {
                None => return Ok(true),
                Some(changed) => stored = changed,
            }
        }
    }

    async fn end_point(&self, name: &str, point: &Point) -> Result<bool, EtcdError> {
        let call = self.gateway.call("end a point");
        let point = stored_as(point);
        let ended = text(&point, true).into_bytes();
        let mut stored = self.stored(call, name).await?;
        loop {
            match stored.point {
                Some(last) if last.point == point && last.ended => return Ok(true),
                Some(last) if last.point == point => {}
                _ => return Ok(false),
            }
            match self.replace(call, name, &stored, &ended).await? {
                None => return Ok(true),
                Some(changed) => stored = changed,
            }
        }
    }

    /// Replaces what is stored, if it still is. Gives what is there, where it was changed meanwhile.
    async fn replace(
        &self,
        call: Call,
        name: &str,
        stored: &Stored,
        by: &[u8],
    ) -> Result<Option<Stored>, EtcdError> {
        let key = self.point_key(name);
        let replace = message::transaction(
            &[message::is_of_revision(&key, stored.revision)],
            &[message::put(&key, by)],
            &[message::get(&key)],
        );
        let replaced = self.gateway.transact(call, &replace).await?;
        if replaced.succeeded {
            Ok(None)
        } else {
            Stored::of(replaced.read(0)).map(Some)
        }
    }
}

/// As it is stored: microseconds since 1970, the attempt, and whether it has ended. What comes after is for the writer.
pub(crate) fn text(point: &Point, ended: bool) -> String {
    let state = if ended { "ended" } else { "open" };
    format!("{} {} {state}", micros(point.at), point.attempt)
}

fn parse(value: &[u8]) -> Option<Remembered> {
    let mut words = std::str::from_utf8(value).ok()?.split(' ');
    let at = at(words.next()?.parse().ok()?)?;
    let attempt = words.next()?.parse().ok()?;
    let ended = match words.next()? {
        "ended" => true,
        "open" => false,
        _ => return None,
    };
    Some(Remembered::new(Point::new(at, attempt), ended))
}

/// To the microsecond.
pub(crate) fn stored_as(point: &Point) -> Point {
    Point::new(at(micros(point.at)).unwrap_or(point.at), point.attempt)
}

fn micros(at: SystemTime) -> i64 {
    let micros = |duration: Duration| i64::try_from(duration.as_micros());
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => micros(since).unwrap_or(i64::MAX),
        Err(before) => micros(before.duration()).map_or(i64::MIN, |micros| -micros),
    }
}

fn at(micros: i64) -> Option<SystemTime> {
    let duration = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 {
        UNIX_EPOCH.checked_sub(duration)
    } else {
        UNIX_EPOCH.checked_add(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_was_written_to_the_microsecond() {
        for (at, attempt, ended) in [
            (UNIX_EPOCH, 0, false),
            (
                UNIX_EPOCH + Duration::from_micros(1_800_000_000_123_456),
                3,
                true,
            ),
            (UNIX_EPOCH - Duration::from_micros(1), u32::MAX, false),
        ] {
            let point = Point::new(at, attempt);
            let expected = Some(Remembered::new(point, ended));
            assert_eq!(parse(text(&point, ended).as_bytes()), expected);
            assert_eq!(
                parse(format!("{} 00ff", text(&point, ended)).as_bytes()),
                expected
            );
        }
        let fine = Point::new(UNIX_EPOCH + Duration::from_nanos(1_999), 1);
        assert_eq!(stored_as(&fine).at, UNIX_EPOCH + Duration::from_micros(1));
    }

    #[test]
    fn what_others_wrote_is_no_point() {
        for value in ["", "x", "1 2", "1 2 perhaps", "1 -2 open", "\u{ff}"] {
            assert_eq!(parse(value.as_bytes()), None, "{value:?}");
        }
    }
}
