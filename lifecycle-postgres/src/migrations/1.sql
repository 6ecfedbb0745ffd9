-- Who runs a service. A takeover changes the token, a column of a unique index, and so waits for the transactions that hold
-- the row `for key share`; a renewal changes `until` alone, and does not. A row is never deleted: its token would begin anew.
create table lifecycle_leases (
    name text primary key,
    token bigint not null default 0,
    holder text,
    until timestamptz,
    unique (name, token),
    check ((holder is null) = (until is null)));

-- The last point of each schedule that has begun. A table of its own: a job marks its point in its own transaction, and the
-- renewals of its lease must not wait for that.
create table lifecycle_points (
    name text primary key,
    point timestamptz not null,
    attempt bigint not null,
    ended boolean not null default false);
