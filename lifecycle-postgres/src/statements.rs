//! The statements, as text, for those who write to PostgreSQL by another library than tokio-postgres.
//!
//! What [`fence`](crate::fence) and [`once`](crate::once) do is [`FENCE`] and [`ONCE`]; the README shows them with sqlx and diesel. Each
//! names its tables without a schema, so it finds them by the connection's `search_path`.

/// What brings the tables about, one step for each version, in order. [`Postgres`](crate::Postgres) takes the steps that are
/// missing when it connects; where its role may not create tables, an administrator takes them with [`VERSION`] and these.
///
/// Step `n` (counted from 1) is to be taken in one transaction with
/// `insert into lifecycle_schema (version) values (n)`.
pub const MIGRATIONS: &[&str] = &[include_str!("migrations/1.sql")];

/// Creates the table that tells which of the [`MIGRATIONS`] have been taken.
pub const VERSION: &str = "\
create table if not exists lifecycle_schema (
    version integer primary key,
    applied timestamptz not null default clock_timestamp())";

/// Keeps the transaction's writes from being anything but the lease holder's: to be executed first in a job's transaction. `$1` is the lease's
/// name (`text`), `$2` its token (`bigint`).
///
/// One row (`text`) while this token is the newest and has not been given back: no other replica can take the lease over before the transaction has ended.
/// No row: another has taken over, and the transaction must be rolled back.
///
/// It also ends the transaction when it has been idle for as long as the lease has left, so that a replica that is stopped
/// or cut off within it does not keep the others waiting. A timeout of the session that is shorter is kept.
pub const FENCE: &str = "\
with held as (
    select until from lifecycle_leases
    where name = $1 and token = $2 and holder is not null
    for key share)
select set_config('idle_in_transaction_session_timeout', ceil(least(
    greatest(extract(epoch from until - clock_timestamp()) * 1000, 100), 2147483647,
    nullif(extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval) * 1000, 0)))::text, true)
from held";

/// Who has the lease: its token (`bigint`), and its holder (`text`; null where nobody has it). `$1` is the lease's name (`text`).
pub const HOLDER: &str = "select token, holder from lifecycle_leases where name = $1";

/// Marks the point of a schedule ended, in the job's own transaction: what the job writes and this are committed together, or neither. `$1` is the
/// name that the point is remembered by (`text`), `$2` the point in microseconds since 1970 (`bigint`), `$3` its attempt (`bigint`).
///
/// One row is updated. None: the point has ended already, or another attempt has begun, and the transaction must be rolled back.
pub const ONCE: &str = "\
update lifecycle_points set ended = true
where name = $1 and point = 'epoch'::timestamptz + $2 * interval '1 microsecond' and attempt = $3 and not ended";

/// By which grant a lease is held now.
pub(crate) const LEADER: &str = "\
select token, holder from lifecycle_leases
where name = $1 and holder is not null and until > clock_timestamp()";

/// A key of PostgreSQL's advisory locks: one replica at a time changes the schema.
pub(crate) const MIGRATION_LOCK: &str = "select pg_advisory_xact_lock(7809645321)";

/// The row of a lease that no replica has had. It names no index: a conflict that is to be ignored in one is an error in the others, and
/// replicas that insert the row at one moment meet in either.
pub(crate) const KNOW_LEASE: &str =
    "insert into lifecycle_leases (name) values ($1) on conflict do nothing";

/// A row that is locked is skipped, so that a take never waits for a fenced transaction: what shares the connection would wait behind it. Gives the
/// new token, if it was taken; the seconds left to the holder of before; and whether there is such a row at all.
pub(crate) const TAKE: &str = "\
with free as (
    select name from lifecycle_leases
    where name = $1 and (holder is null or until <= clock_timestamp())
    for update skip locked),
taken as (
    update lifecycle_leases as lease
    set token = lease.token + 1, holder = $2, until = clock_timestamp() + $3 * interval '1 microsecond'
    from free where lease.name = free.name
    returning lease.token)
select (select token from taken),
    (select extract(epoch from until - clock_timestamp())::float8 from lifecycle_leases where name = $1 and holder is not null),
    exists(select from lifecycle_leases where name = $1)";

/// Changes no column of a unique index, so it does not wait for fenced transactions.
pub(crate) const RENEW: &str = "\
update lifecycle_leases set until = clock_timestamp() + $4 * interval '1 microsecond'
where name = $1 and token = $2 and holder = $3 and until > clock_timestamp()
returning 1";

/// The token stays, so the next one is greater.
pub(crate) const GIVE_BACK: &str = "\
with given as (
    update lifecycle_leases set holder = null, until = null
    where name = $1 and token = $2 and holder = $3 and until > clock_timestamp()
    returning name)
select pg_notify('lifecycle_freed', left(name, 1000)) from given";

pub(crate) const LISTEN: &str = "listen lifecycle_freed";

pub(crate) const LAST: &str = "select point, attempt, ended from lifecycle_points where name = $1";

pub(crate) const BEGIN_FIRST: &str = "\
insert into lifecycle_points (name, point, attempt) values ($1, $2, $3)
on conflict do nothing
returning 1";

/// As [`TAKE`] it does not wait for a job's transaction. Gives whether the point has begun, and whether it might have: false and
/// true is a row that another transaction is changing.
pub(crate) const BEGIN: &str = "\
with free as (
    select name from lifecycle_points
    where name = $1 and (point < $2 or (point = $2 and attempt = $3 - 1 and not ended))
    for update skip locked),
begun as (
    update lifecycle_points as p set point = $2, attempt = $3, ended = false
    from free where p.name = free.name
    returning 1)
select exists(select from begun),
    exists(select from lifecycle_points
        where name = $1 and (point < $2 or (point = $2 and attempt = $3 - 1 and not ended)))";

/// The same way.
pub(crate) const END: &str = "\
with mine as (
    select name from lifecycle_points
    where name = $1 and point = $2 and attempt = $3
    for no key update skip locked),
ended as (
    update lifecycle_points as p set ended = true
    from mine where p.name = mine.name
    returning 1)
select exists(select from ended),
    exists(select from lifecycle_points where name = $1 and point = $2 and attempt = $3)";
