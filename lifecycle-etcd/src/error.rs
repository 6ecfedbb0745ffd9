//! What etcd refuses, and what keeps it from answering.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{BoxError, permanent};

/// The number of gRPC for a service that is not there: a member that has no leader, is ending, or gave up waiting for the others.
const UNAVAILABLE: u32 = 14;
/// The number of gRPC for a user who may not do it.
const PERMISSION_DENIED: u32 = 7;
/// The number of gRPC for a token that is not known.
const UNAUTHENTICATED: u32 = 16;

/// Why etcd did not do what it was asked for. Its `Debug` is the sentence of its `Display`, with those of its causes.
///
/// Those that no further attempt can mend ([`is_permanent`](Self::is_permanent)) make the service that asked fail; the others
/// show as `degraded` until one succeeds.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdError {
    /// What was given to [`Etcd::connect`](crate::Etcd::connect) names no endpoint, or one that is malformed.
    #[error("`{0}` is no endpoint of etcd: {1}")]
    Endpoint(String, &'static str),
    /// An endpoint begins with `https`.
    #[error("`{0}` asks for TLS: build `lifecycle-etcd` with its feature `tls`")]
    NoTls(String),
    /// A certificate or key can't be read, or there is none to trust.
    #[error("no certificate for etcd: {0}")]
    Certificates(String),
    /// There is no connection, and none could be made.
    #[error("can't connect to etcd at {endpoint}")]
    #[non_exhaustive]
    Connect {
        /// Where.
        endpoint: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The connection broke before the answer was there. Whether etcd has done what it was asked for is not known.
    #[error("the connection to etcd at {endpoint} broke")]
    #[non_exhaustive]
    Broken {
        /// Where.
        endpoint: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// It did not answer in time. Whether it has done what it was asked for is not known.
    #[error("etcd does not answer: {what} took longer than {within:?}")]
    #[non_exhaustive]
    Silent {
        /// What it was asked for.
        what: &'static str,
        /// How long it had.
        within: Duration,
    },
    /// What listens there is no etcd of version 3.4 or later, or its JSON gateway is switched off.
    #[error("what answers at {endpoint} is no JSON gateway of etcd (HTTP status {status})")]
    #[non_exhaustive]
    NotEtcd {
        /// Where.
        endpoint: String,
        /// What it answered with.
        status: u16,
    },
    /// It refused.
    #[error("etcd failed to {what}: {message}")]
    #[non_exhaustive]
    Refused {
        /// What it was asked for.
        what: &'static str,
        /// The number that gRPC has for the kind of refusal.
        code: u32,
        /// What it says.
        message: String,
    },
    /// A key of this store holds what this library did not write.
    #[error("the key `{0}` holds nothing of `lifecycle-etcd`: give the store a prefix of its own")]
    Foreign(String),
    /// [`Write::fence`](crate::Write::fence) was called by a service without a lease.
    #[error("`{0}` has no lease to be fenced by: its entry needs `replicas = one`")]
    NoLease(String),
    /// Another replica has taken over, or the lease was given back: nothing was written.
    #[error("the lease `{name}` was taken over: this replica had token {token}, {}", now(.holder.as_deref()))]
    #[non_exhaustive]
    TakenOver {
        /// The lease.
        name: String,
        /// The token of this replica's grant.
        token: u64,
        /// Who has the lease now; `None` when it was given back.
        holder: Option<String>,
    },
    /// [`Write::once`](crate::Write::once) was called where no point of a schedule is due: in a tick by hand, or by a service that nothing
    /// remembers.
    #[error(
        "`{0}` runs for no point that is remembered: `once` is for ticks of a schedule with `catch_up`"
    )]
    NoPoint(String),
    /// The point has ended already, or another attempt at it has begun: nothing was written.
    #[error("the point of `{0}` has ended, or another attempt at it has begun")]
    NotOurs(String),
}

impl fmt::Debug for EtcdError {
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

fn now(holder: Option<&str>) -> String {
    match holder {
        Some(holder) => format!("`{holder}` has it now"),
        None => "and nobody has it now".to_owned(),
    }
}

impl EtcdError {
    pub(crate) fn connect(
        endpoint: impl fmt::Display,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Connect {
            endpoint: endpoint.to_string(),
            source: source.into().into(),
        }
    }

    pub(crate) fn broken(
        endpoint: impl fmt::Display,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Broken {
            endpoint: endpoint.to_string(),
            source: source.into().into(),
        }
    }

    /// Whether no further attempt can mend it: a malformed endpoint, TLS that is not built in, a certificate that can't be read, a wrong password, a
    /// permission that is missing.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Endpoint(..) | Self::NoTls(_) | Self::Certificates(_) => true,
            Self::Refused { code, message, .. } => {
                *code == PERMISSION_DENIED
                    || message.contains("invalid user ID or password")
                    || message.contains("user name is empty")
            }
            _ => false,
        }
    }

    /// Whether another member of the cluster may do better.
    pub(crate) fn is_of_one_member(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Broken { .. }
            | Self::Silent { .. }
            | Self::NotEtcd { .. } => true,
            Self::Refused { code, .. } => *code == UNAVAILABLE,
            _ => false,
        }
    }

    /// Whether the token is not, or no longer, one that etcd knows. It knows none of before the users were changed, or of before it started.
    pub(crate) fn is_of_an_old_token(&self) -> bool {
        matches!(self, Self::Refused { code, message, .. }
            if *code == UNAUTHENTICATED || message.contains("revision of auth store is old"))
    }

    /// Whether users have not been enabled, so that none needs a token.
    pub(crate) fn is_of_no_users(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains("authentication is not enabled"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u32, message: &str) -> EtcdError {
        EtcdError::Refused {
            what: "take a lease",
            code,
            message: message.to_owned(),
        }
    }

    #[test]
    fn an_error_prints_a_sentence_and_its_causes() {
        let error = EtcdError::connect("a:2379", "connection refused");
        assert_eq!(
            format!("{error:?}"),
            "can't connect to etcd at a:2379: connection refused"
        );
        let error = EtcdError::TakenOver {
            name: "identity/report".to_owned(),
            token: 7,
            holder: Some("b".to_owned()),
        };
        assert_eq!(
            format!("{error:?}"),
            "the lease `identity/report` was taken over: this replica had token 7, `b` has it now"
        );
    }

    #[test]
    fn what_no_attempt_can_mend_is_permanent_and_what_another_member_may_mend_is_not() {
        let permission = refused(7, "etcdserver: permission denied");
        let password = "etcdserver: authentication failed, invalid user ID or password";
        for error in [
            permission,
            refused(3, password),
            refused(3, "etcdserver: user name is empty"),
        ] {
            assert!(
                error.is_permanent() && !error.is_of_one_member(),
                "{error:?}"
            );
        }
        for error in [
            refused(14, "etcdserver: no leader"),
            EtcdError::broken("a", "reset"),
        ] {
            assert!(
                !error.is_permanent() && error.is_of_one_member(),
                "{error:?}"
            );
        }
        let full = refused(8, "etcdserver: mvcc: database space exceeded");
        assert!(!full.is_permanent() && !full.is_of_one_member());
        assert!(refused(16, "etcdserver: invalid auth token").is_of_an_old_token());
    }
}
