//! In a job's own transaction: keep a later holder out, and mark the point ended.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::leases::token;
use crate::statements::{FENCE, HOLDER, ONCE};
use lifecycle::{Context, Grant, Point};

/// Keeps other replicas from taking this run's lease over before this transaction has ended, so that what it writes is a holder's. Best
/// the first statement of the transaction.
///
/// # Errors
///
/// [`NoLease`](PostgresError::NoLease) where the entry of the service does not say `replicas = one`. Else as [`fence_grant`].
///
/// # Cancellation safety
///
/// As [`fence_grant`].
pub async fn fence(tx: &mut Transaction<'_>, cx: &Context) -> Result<(), PostgresError> {
    match cx.lease() {
        Some(lease) => fence_grant(tx, lease.grant()).await,
        None => Err(PostgresError::NoLease(cx.name().to_string())),
    }
}

/// The same by this grant, for code that has no context.
///
/// # Errors
///
/// [`TakenOver`](PostgresError::TakenOver) when another replica has the lease, or it was given back: the transaction must be
/// rolled back, as it is when it is dropped. [`Statement`](PostgresError::Statement) for what PostgreSQL says.
///
/// # Cancellation safety
///
/// A call that is dropped leaves a transaction that may be fenced or not: drop it too.
pub async fn fence_grant(tx: &mut Transaction<'_>, grant: &Grant) -> Result<(), PostgresError> {
    let failed = |source| PostgresError::statement("fence a transaction", source);
    let token = token(grant);
    let name = (&grant.name as _, Type::TEXT);
    let fenced = tx
        .query_typed_opt(FENCE, &[name.clone(), (&token, Type::INT8)])
        .await
        .map_err(failed)?;
    if fenced.is_some() {
        return Ok(());
    }
    let now = tx.query_typed_opt(HOLDER, &[name]).await.map_err(failed)?;
    let (newest, holder) = now.map_or((0, None), |row| (row.get::<_, i64>(0), row.get(1)));
    Err(PostgresError::TakenOver {
        name: grant.name.clone(),
        token: grant.token,
        newest: newest.unsigned_abs(),
        holder,
    })
}

/// Marks the point that this tick is for ended when the transaction commits: what the tick writes in it takes effect once, whoever
/// is killed when. Best its last statement: the row stays locked until the end.
///
/// For ticks of a schedule with `catch_up` whose memory is this database.
///
/// # Errors
///
/// [`NoPoint`](PostgresError::NoPoint) in a tick that was triggered, and where no memory has begun the point. Else as [`once_point`].
///
/// # Cancellation safety
///
/// As [`once_point`].
pub async fn once(tx: &mut Transaction<'_>, cx: &Context) -> Result<(), PostgresError> {
    let tick = cx.tick();
    let point = tick.and_then(|tick| tick.remembered_as.zip(tick.point));
    let Some((name, point)) = point else {
        return Err(PostgresError::NoPoint(cx.name().to_string()));
    };
    once_point(tx, &name, &point).await
}

/// The same for this point of the schedule that is remembered by this name, for code that has no context.
///
/// # Errors
///
/// [`NotOurs`](PostgresError::NotOurs) when the point has ended, or another attempt at it has begun: the transaction must be rolled back.
/// [`Statement`](PostgresError::Statement) for what PostgreSQL says.
///
/// # Cancellation safety
///
/// A call that is dropped leaves a transaction that may mark the point or not: drop it too.
pub async fn once_point(
    tx: &mut Transaction<'_>,
    name: &str,
    point: &Point,
) -> Result<(), PostgresError> {
    let (at, attempt) = (micros(point.at), i64::from(point.attempt));
    let marked = tx
        .execute_typed(
            ONCE,
            &[
                (&name, Type::TEXT),
                (&at, Type::INT8),
                (&attempt, Type::INT8),
            ],
        )
        .await
        .map_err(|source| PostgresError::statement("mark a point ended", source))?;
    if marked == 0 {
        return Err(PostgresError::NotOurs(name.to_owned()));
    }
    Ok(())
}

/// Since 1970, as the statements take it.
pub(crate) fn micros(at: SystemTime) -> i64 {
    let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros());
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => micros(since).unwrap_or(i64::MAX),
        Err(before) => micros(before.duration()).map_or(i64::MIN, |micros| -micros),
    }
}
