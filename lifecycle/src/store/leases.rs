//! Leases: of all replicas one holds each, for a term.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::memory::Memory;
use crate::report::error::BoxError;

/// A store of leases that all replicas of an application share.
///
/// A lease belongs to one holder for a term, and the holder renews it before the term is over. Each method is one
/// conditional operation of the store, decided by the store's clock: the clocks of the replicas are never compared.
///
/// What every store owes is written as tests, which anybody can run against a store of their own: see
/// `lifecycle::testing::stores`, behind the feature `test-util`.
///
/// # Errors
///
/// A method fails where the store can't be asked, or does not answer. It must not take for ever: the library drops a
/// call that takes longer than a third of the term. An error that is marked [`permanent`](crate::permanent), such as a
/// malformed address or a missing privilege, fails the service; after any other the library asks again.
///
/// # Cancellation
///
/// Each of the futures may be dropped at any time. What was asked for may happen or not; nothing else may.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use lifecycle::{BoxError, Grant, Leases, async_trait};
/// use tokio::time::Instant;
///
/// /// For the replicas of a test: a real store is outside of them, and goes by its own clock.
/// #[derive(Default)]
/// struct Shared {
///     granted: Mutex<HashMap<String, (Grant, Instant)>>,
/// }
///
/// #[async_trait]
/// impl Leases for Shared {
///     async fn take(&self, name: &str, holder: &str, term: Duration)
///         -> Result<Option<Grant>, BoxError>
///     {
///         let mut granted = self.granted.lock().unwrap();
///         let token = match granted.get(name) {
///             Some((_, until)) if *until > Instant::now() => return Ok(None),
///             Some((last, _)) => last.token + 1,
///             None => 1,
///         };
///         let grant = Grant::new(name, holder, token);
///         granted.insert(name.to_owned(), (grant.clone(), Instant::now() + term));
///         Ok(Some(grant))
///     }
///
///     async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
///         Ok(self.move_end(grant, Instant::now() + term))
///     }
///
///     async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
///         Ok(self.move_end(grant, Instant::now())) // the token stays: the next one is greater
///     }
/// }
///
/// impl Shared {
///     fn move_end(&self, grant: &Grant, end: Instant) -> bool {
///         match self.granted.lock().unwrap().get_mut(&grant.name) {
///             Some((held, until)) if held == grant && *until > Instant::now() => {
///                 *until = end;
///                 true
///             }
///             _ => false,
///         }
///     }
/// }
/// # #[cfg(feature = "test-util")]
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// #     let store = std::sync::Arc::new(Shared::default());
/// #     lifecycle::testing::stores::leases(|| store.clone()).await;
/// # });
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of leases",
    label = "does not implement `Leases`",
    note = "use a store that all replicas share, such as that of `lifecycle-postgres`, or implement `Leases`"
)]
pub trait Leases: Send + Sync + 'static {
    /// Stands before the name of each service: the lease of `nightly` in the namespace `identity` is
    /// `identity/nightly`. Default: none, so that the lease is called as the service is.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "a store returns what it holds"
    )]
    fn namespace(&self) -> &str {
        ""
    }

    /// Takes the lease for `term` from now on, if it is free: it was never taken, or was given back, or its term is
    /// over. `None`: it is held, be it by a holder of the same name.
    ///
    /// The token of the grant is greater than that of every earlier grant of this name.
    async fn take(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, BoxError>;

    /// Lets the term begin anew, if this grant is the newest of its name and its term is not over. `false`: refused,
    /// the lease is lost.
    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError>;

    /// Frees the lease, if it is held by this grant. `false`: it was not.
    ///
    /// The store keeps the token: the next one is greater.
    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError>;

    /// The grant by which the lease is held now, for people who want to know who runs the service. `None`: no replica holds it,
    /// or the store can't tell. It decides nothing. Asked after each refusal. Default: the store can't tell.
    async fn leader(&self, name: &str) -> Result<Option<Grant>, BoxError> {
        let _ = name;
        Ok(None)
    }

    /// Returns when the lease may have become free, so that a replica that waits need not wait until it asks the next
    /// time. Only a hint: it may be late, wrong, or never come. Default: never.
    async fn freed(&self, name: &str) {
        let _ = name;
        pending::<()>().await;
    }

    /// The memory that comes with this store, for schedules that catch up where the registry has no memory of its
    /// own. Default: none.
    fn memory(self: Arc<Self>) -> Option<Arc<dyn Memory>> {
        None
    }
}

/// A lease that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Grant {
    /// Of the lease.
    pub name: String,
    /// Who has taken it.
    pub holder: String,
    /// The fencing token: greater than that of every earlier grant of this name. What is written under a lease can be
    /// refused by it, once a later one has been seen (Martin Kleppmann, "How to do distributed locking", 2016).
    pub token: u64,
}

impl Grant {
    /// For stores: what they grant.
    #[must_use]
    pub fn new(name: impl Into<String>, holder: impl Into<String>, token: u64) -> Self {
        Self {
            name: name.into(),
            holder: holder.into(),
            token,
        }
    }
}

#[async_trait]
#[diagnostic::do_not_recommend]
impl<L: Leases + ?Sized> Leases for Arc<L> {
    fn namespace(&self) -> &str {
        (**self).namespace()
    }

    async fn take(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, BoxError> {
        (**self).take(name, holder, term).await
    }

    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
        (**self).renew(grant, term).await
    }

    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
        (**self).give_back(grant).await
    }

    async fn leader(&self, name: &str) -> Result<Option<Grant>, BoxError> {
        (**self).leader(name).await
    }

    async fn freed(&self, name: &str) {
        (**self).freed(name).await;
    }

    fn memory(self: Arc<Self>) -> Option<Arc<dyn Memory>> {
        L::memory((*self).clone())
    }
}
