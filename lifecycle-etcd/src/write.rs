//! What a job writes to etcd, in one transaction: only while its replica has the lease, and with the mark that its point has ended.

use lifecycle::{Context, Grant, Point};
use serde_json::Value;

use crate::error::EtcdError;
use crate::etcd::Etcd;
use crate::gateway::message::{self, Transacted};
use crate::keys::LeaseKeys;
use crate::leases::token;
use crate::memory::{stored_as, text};

impl Etcd {
    /// Begins what is to be written at once, or not at all. Nothing is sent before [`commit`](Write::commit).
    ///
    /// ```no_run
    /// # use lifecycle::{Context, Result};
    /// # use lifecycle_etcd::Etcd;
    /// # async fn tick(etcd: &Etcd, cx: &Context) -> Result {
    /// etcd.write()
    ///     .fence(cx)?                       // nothing is written if another replica has taken over
    ///     .put("identity/reports/last", "2026-11-25")
    ///     .delete("identity/reports/draft")
    ///     .commit()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "nothing is written before `commit`"]
    pub fn write(&self) -> Write {
        Write {
            store: self.clone(),
            operations: Vec::new(),
            grant: None,
            point: None,
        }
    }

    /// The key that says who has this lease, for transactions of another client of etcd's. Of a [`Grant`], the name; its token is the
    /// `mod_revision` that the key has for as long as the grant holds.
    #[must_use]
    pub fn lease_key(&self, name: &str) -> Vec<u8> {
        LeaseKeys::of(&self.gateway.settings.prefix, name).holder
    }
}

/// What is to be written to etcd in one transaction; made by [`Etcd::write`].
///
/// Its keys are as given, without the store's prefix, and each may be named once. etcd takes 128 operations at most, unless it is set up otherwise.
#[derive(Debug)]
#[must_use = "nothing is written before `commit`"]
pub struct Write {
    store: Etcd,
    operations: Vec<Value>,
    grant: Option<Grant>,
    /// What the point is remembered by, and the point.
    point: Option<(String, Point)>,
}

impl Write {
    /// Writes this value to this key.
    pub fn put(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.operations
            .push(message::put(key.as_ref(), value.as_ref()));
        self
    }

    /// Removes this key, if there is one.
    pub fn delete(mut self, key: impl AsRef<[u8]>) -> Self {
        self.operations.push(message::delete(key.as_ref()));
        self
    }

    /// Writes only while this replica has the lease of this run.
    ///
    /// # Errors
    ///
    /// [`NoLease`](EtcdError::NoLease) where the entry of the service does not say `replicas = one`.
    pub fn fence(self, cx: &Context) -> Result<Self, EtcdError> {
        match cx.lease() {
            Some(lease) => Ok(self.fence_grant(lease.grant())),
            None => Err(EtcdError::NoLease(cx.name().to_string())),
        }
    }

    /// The same by this grant, for code that has no context.
    pub fn fence_grant(mut self, grant: &Grant) -> Self {
        self.grant = Some(grant.clone());
        self
    }

    /// Marks the point that this tick is for ended, with what is written: that takes effect once, whichever replica is killed at whatever moment.
    ///
    /// For ticks of a schedule with `catch_up` whose memory is this store.
    ///
    /// # Errors
    ///
    /// [`NoPoint`](EtcdError::NoPoint) in a tick that was triggered, and where no memory has begun the point.
    pub fn once(self, cx: &Context) -> Result<Self, EtcdError> {
        let tick = cx.tick();
        match tick.and_then(|tick| tick.remembered_as.zip(tick.point)) {
            Some((name, point)) => Ok(self.once_point(&name, &point)),
            None => Err(EtcdError::NoPoint(cx.name().to_string())),
        }
    }

    /// The same for this point of the schedule that is remembered by this name, for code that has no context.
    pub fn once_point(mut self, name: &str, point: &Point) -> Self {
        self.point = Some((name.to_owned(), stored_as(point)));
        self
    }

    /// Writes all of it, or nothing. Gives the revision it was written in.
    ///
    /// It is sent once: where the answer does not come, it is not known whether it was written.
    ///
    /// # Errors
    ///
    /// [`TakenOver`](EtcdError::TakenOver) when another replica has the lease, or it was given back.
    /// [`NotOurs`](EtcdError::NotOurs) when the point has ended, or another attempt at it has begun. Nothing was written in either case.
    ///
    /// # Cancellation safety
    ///
    /// A call that is dropped may have written or not.
    pub async fn commit(self) -> Result<i64, EtcdError> {
        let Self {
            store,
            mut operations,
            grant,
            point,
        } = self;
        let call = store.gateway.call("write").at_most_once();
        let (mut conditions, mut reads) = (Vec::new(), Vec::new());
        if let Some(grant) = &grant {
            let key = store.lease_key(&grant.name);
            conditions.push(message::is_of_revision(&key, token(grant)));
            reads.push(message::get(&key));
        }
        if let Some((name, point)) = &point {
            let stored = store.stored(call, name).await?;
            if !stored.is_open(point) {
                return Err(EtcdError::NotOurs(name.clone()));
            }
            let key = store.point_key(name);
            conditions.push(message::is_of_revision(&key, stored.revision));
            reads.push(message::get(&key));
            operations.push(message::put(&key, text(point, true).as_bytes()));
        }
        let write = message::transaction(&conditions, &operations, &reads);
        let written = store.gateway.transact(call, &write).await?;
        if written.succeeded {
            return Ok(written.header.revision);
        }
        Err(refused(&written, grant.as_ref(), point.as_ref()))
    }
}

/// Which of the conditions did not hold.
fn refused(read: &Transacted, grant: Option<&Grant>, point: Option<&(String, Point)>) -> EtcdError {
    if let Some(grant) = grant {
        let holder = read.read(0);
        if holder.is_none_or(|holder| holder.mod_revision != token(grant)) {
            return EtcdError::TakenOver {
                name: grant.name.clone(),
                token: grant.token,
                holder: holder.map(|holder| String::from_utf8_lossy(&holder.value).into_owned()),
            };
        }
    }
    let name = point.map_or_else(String::new, |(name, _)| name.clone());
    EtcdError::NotOurs(name)
}
