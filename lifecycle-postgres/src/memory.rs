//! Memory: the last point of each schedule, one row for each.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lifecycle::BoxError;
use lifecycle::{Memory, Point, Remembered};
use tokio::time::sleep;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::link::{Call, Link};
use crate::postgres::Postgres;
use crate::statements::{BEGIN, BEGIN_FIRST, END, LAST};

/// How long to wait after each look at a row that another transaction is changing, in milliseconds.
const LOOKS: [u64; 9] = [2, 5, 10, 20, 50, 100, 200, 400, 0];

#[async_trait]
impl Memory for Postgres {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn last(&self, name: &str) -> Result<Option<Remembered>, BoxError> {
        let last = self.link.last(name).await;
        last.map_err(PostgresError::boxed)
    }

    async fn begin(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let begun = self.link.begin(name, point).await;
        begun.map_err(PostgresError::boxed)
    }

    async fn end(&self, name: &str, point: &Point) -> Result<bool, BoxError> {
        let ended = self.link.end(name, point).await;
        ended.map_err(PostgresError::boxed)
    }
}

impl Link {
    async fn last(self: &Arc<Self>, name: &str) -> Result<Option<Remembered>, PostgresError> {
        let call = self.call("tell the last point of a schedule");
        let rows = self.execute(call, LAST, &[(&name, Type::TEXT)]).await?;
        Ok(rows.first().map(|row| {
            let attempt = u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX);
            Remembered::new(Point::new(row.get(0), attempt), row.get(2))
        }))
    }

    async fn begin(self: &Arc<Self>, name: &str, point: &Point) -> Result<bool, PostgresError> {
        let call = self.call("begin a point");
        if self.change(call, BEGIN, name, point).await? {
            return Ok(true);
        }
        // Refused, or the first of all: this inserts nothing where there is a row.
        let attempt = i64::from(point.attempt);
        let parameters = of_point(&name, point, &attempt);
        let first = self.execute(call, BEGIN_FIRST, &parameters).await?;
        if !first.is_empty() {
            return Ok(true);
        }
        // The row may have come between the two, with an older point.
        self.change(call, BEGIN, name, point).await
    }

    async fn end(self: &Arc<Self>, name: &str, point: &Point) -> Result<bool, PostgresError> {
        self.change(self.call("end a point"), END, name, point)
            .await
    }

    /// Executes a statement that tells whether it did its work, and whether there was any to do. Where there was, and it is not done, another
    /// transaction is at the row: a racer's is over in a moment, a job's may take its time.
    async fn change(
        self: &Arc<Self>,
        call: Call,
        statement: &'static str,
        name: &str,
        point: &Point,
    ) -> Result<bool, PostgresError> {
        let attempt = i64::from(point.attempt);
        let parameters = of_point(&name, point, &attempt);
        for pause in LOOKS {
            let rows = self.execute(call, statement, &parameters).await?;
            let (done, due) = match rows.first() {
                Some(row) => (row.get(0), row.get::<_, bool>(1)),
                None => (false, false),
            };
            if done || !due {
                return Ok(done);
            }
            sleep(Duration::from_millis(pause)).await;
        }
        Err(PostgresError::Busy(name.to_owned()))
    }
}

fn of_point<'a>(
    name: &'a &'a str,
    point: &'a Point,
    attempt: &'a i64,
) -> [(&'a (dyn tokio_postgres::types::ToSql + Sync), Type); 3] {
    [
        (name, Type::TEXT),
        (&point.at, Type::TIMESTAMPTZ),
        (attempt, Type::INT8),
    ]
}
