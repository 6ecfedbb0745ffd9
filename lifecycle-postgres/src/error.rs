//! What PostgreSQL refuses, and what keeps it from answering.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{BoxError, permanent};
use tokio_postgres::error::SqlState;

/// Why PostgreSQL did not do what it was asked for. Its `Debug` is the sentence of its `Display`, and what PostgreSQL says.
///
/// Those that no further attempt can mend ([`is_permanent`](Self::is_permanent)) make the service that asked fail; the others
/// show as `degraded` until one succeeds.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The text given to [`Postgres::connect`](crate::Postgres::connect) is no URL of a PostgreSQL.
    #[error("the URL of PostgreSQL is malformed")]
    Url(#[source] Arc<tokio_postgres::Error>),
    /// The URL names no host, and no folder of a socket.
    #[error("the URL of PostgreSQL names no host")]
    NoHost,
    /// The URL says `sslmode=require`.
    #[error("`sslmode=require` asks for TLS: build `lifecycle-postgres` with its feature `tls`")]
    NoTls,
    /// A certificate can't be read, or there is none to trust.
    #[error("no certificate to know PostgreSQL by: {0}")]
    Certificates(String),
    /// There is no connection, and none could be made.
    #[error("can't connect to PostgreSQL")]
    Connect(#[source] Arc<tokio_postgres::Error>),
    /// The tables could not be brought to the version of this library.
    #[error(
        "can't create the tables of leases and points: let the role create tables, or run the migrations"
    )]
    Migrate(#[source] Arc<tokio_postgres::Error>),
    /// It did not answer in time. Whether it has done what it was asked for is not known.
    #[error("PostgreSQL does not answer: {what} took longer than {within:?}")]
    #[non_exhaustive]
    Silent {
        /// What it was asked for.
        what: &'static str,
        /// How long it had.
        within: Duration,
    },
    /// It refused, or the connection broke.
    #[error("PostgreSQL failed to {what}")]
    #[non_exhaustive]
    Statement {
        /// What it was asked for.
        what: &'static str,
        /// What it says.
        source: Arc<tokio_postgres::Error>,
    },
    /// A transaction that has not ended yet marks or begins a point of the same schedule.
    #[error("another transaction is at the points of `{0}`")]
    Busy(String),
    /// [`fence`](crate::fence) was called by a service without a lease.
    #[error("`{0}` has no lease to be fenced by: its entry needs `replicas = one`")]
    NoLease(String),
    /// Another replica has taken over: what this one would have written is not to be committed.
    #[error("the lease `{name}` was taken over: this replica had token {token}, {}", now(*.newest, .holder.as_deref()))]
    #[non_exhaustive]
    TakenOver {
        /// The lease.
        name: String,
        /// The token of this replica's grant.
        token: u64,
        /// The newest token.
        newest: u64,
        /// Who has the lease; `None` when it was given back.
        holder: Option<String>,
    },
    /// [`once`](crate::once) was called where no point of a schedule is due: in a tick by hand, or by a service that nothing remembers.
    #[error(
        "`{0}` runs for no point that is remembered: `once` is for ticks of a schedule with `catch_up`"
    )]
    NoPoint(String),
    /// The point has ended already, or another attempt at it has begun: what this tick would have written is not to be committed.
    #[error("the point of `{0}` has ended, or another attempt at it has begun")]
    NotOurs(String),
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

fn now(newest: u64, holder: Option<&str>) -> String {
    match holder {
        Some(holder) => format!("`{holder}` has token {newest}"),
        None => format!("and the newest, {newest}, was given back"),
    }
}

impl PostgresError {
    pub(crate) fn statement(what: &'static str, source: tokio_postgres::Error) -> Self {
        Self::Statement {
            what,
            source: Arc::new(source),
        }
    }

    /// Whether no further attempt can mend it: a malformed URL, TLS that is not built in, a role or database that does not exist, a wrong password, a privilege that is
    /// missing.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Url(_) | Self::NoHost | Self::NoTls | Self::Certificates(_) => true,
            Self::Connect(source) | Self::Migrate(source) | Self::Statement { source, .. } => {
                source.code().is_some_and(is_refusal)
            }
            _ => false,
        }
    }

    /// As the core takes it: marked, where it is permanent.
    pub(crate) fn boxed(self) -> BoxError {
        if self.is_permanent() {
            permanent(self).into()
        } else {
            self.into()
        }
    }
}

fn is_refusal(code: &SqlState) -> bool {
    [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INVALID_SCHEMA_NAME,
    ]
    .contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_prints_a_sentence() {
        let error = PostgresError::Busy("report".to_owned());
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(
            format!("{error:?}"),
            "another transaction is at the points of `report`"
        );
    }
}
