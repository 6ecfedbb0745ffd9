//! Leases: of each the key of its holder, and the key of the holder's signs of life.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lifecycle::{BoxError, Grant, Leases, Memory};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::error::EtcdError;
use crate::etcd::Etcd;
use crate::gateway::Call;
use crate::gateway::message::{self, Transacted};
use crate::keys::LeaseKeys;
use crate::observed::Sign;

/// However short a term is, etcd may take so long to answer.
const SHORTEST_CALL: Duration = Duration::from_millis(500);

#[async_trait]
impl Leases for Etcd {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    /// In a task of its own: where the caller has gone on, what was taken for it is given back, and does not stay taken for a term. A
    /// caller that goes on between the answer and its next look has not kept it either.
    async fn take(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, BoxError> {
        let (answer, answered) = oneshot::channel();
        let (keep, kept) = oneshot::channel();
        let (store, name, holder) = (self.clone(), name.to_owned(), holder.to_owned());
        tokio::spawn(async move {
            let taken = store.take_lease(&name, &holder, term).await;
            let grant = taken.as_ref().ok().cloned().flatten();
            let is_kept = answer.send(taken).is_ok() && kept.await.is_ok();
            if let Some(unwanted) = grant.filter(|_| !is_kept) {
                let _ = store.give_lease_back(&unwanted).await;
            }
        });
        let taken = answered.await;
        let _ = keep.send(());
        match taken {
            Ok(taken) => taken.map_err(EtcdError::boxed),
            Err(_) => Err("the runtime is ending".into()),
        }
    }

    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
        self.renew_lease(grant, term)
            .await
            .map_err(EtcdError::boxed)
    }

    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
        self.give_lease_back(grant).await.map_err(EtcdError::boxed)
    }

    async fn leader(&self, name: &str) -> Result<Option<Grant>, BoxError> {
        self.leader_of(name).await.map_err(EtcdError::boxed)
    }

    async fn freed(&self, name: &str) {
        self.wait_for(name).await;
    }

    fn memory(self: Arc<Self>) -> Option<Arc<dyn Memory>> {
        Some(self)
    }
}

/// What was read of a lease.
struct Look {
    /// Who has it; `None`: no replica.
    holder: Option<String>,
    /// The revision in which the holder took it; 0 where there is none.
    token: i64,
    /// The newest sign of life. Where its key was removed by hand, it is of revision 0, and good for the term of the replica that asks.
    sign: Sign,
    /// What the key of the sign has in full.
    written: Vec<u8>,
    /// The revision that this was so at.
    at: i64,
}

impl Look {
    /// From a transaction that read the key of the holder and then that of its signs of life.
    fn of(read: &Transacted, term: Duration) -> Self {
        let (holder, sign) = (read.read(0), read.read(1));
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            holder: holder.map(|holder| text(&holder.value)),
            token: holder.map_or(0, |holder| holder.mod_revision),
            sign: Sign {
                revision: sign.map_or(0, |sign| sign.mod_revision),
                term: sign.and_then(|sign| term_of(&sign.value)).unwrap_or(term),
            },
            written: sign.map_or_else(Vec::new, |sign| sign.value.clone()),
            at: read.header.revision,
        }
    }
}

impl Etcd {
    pub(crate) fn keys(&self, name: &str) -> LeaseKeys {
        LeaseKeys::of(&self.gateway.settings.prefix, name)
    }

    async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, EtcdError> {
        let call = self.call_within_a_third("take a lease", term);
        let keys = self.keys(name);
        let both = [message::get(&keys.holder), message::get(&keys.alive)];
        // By this it knows its own writing again, should it be sent twice.
        let sign = format!("{} {:016x}", millis(term), fastrand::u64(..)).into_bytes();
        let write = [
            message::put(&keys.holder, holder.as_bytes()),
            message::put(&keys.alive, &sign),
        ];

        let mut look = self.look(call, name, &both, term).await?;
        loop {
            if let Some(over) = self.over(name, &look) {
                if over > Instant::now() {
                    if over > call.half() {
                        return Ok(None);
                    }
                    sleep_until(over).await;
                    look = self.look(call, name, &both, term).await?;
                    continue;
                }
            }
            let unchanged = [
                message::is_of_revision(&keys.holder, look.token),
                message::is_of_revision(&keys.alive, look.sign.revision),
            ];
            let take = message::transaction(&unchanged, &write, &both);
            let taken = self.gateway.transact(call, &take).await?;
            if taken.succeeded {
                let revision = taken.header.revision;
                self.observed.saw(name, Sign { revision, term }, revision);
                return Ok(Some(granted(name, holder, revision)));
            }
            look = Look::of(&taken, term);
            if look.written == sign {
                // It was sent twice, and the first has done it.
                self.over(name, &look);
                return Ok(Some(granted(name, holder, look.token)));
            }
        }
    }

    async fn look(
        &self,
        call: Call,
        name: &str,
        both: &[serde_json::Value],
        term: Duration,
    ) -> Result<Look, EtcdError> {
        let read = self
            .gateway
            .transact(call, &message::transaction(&[], both, &[]))
            .await?;
        let look = Look::of(&read, term);
        self.over(name, &look);
        Ok(look)
    }

    /// When the holder's term is over; `None`: no replica has the lease.
    fn over(&self, name: &str, look: &Look) -> Option<Instant> {
        if look.holder.is_none() {
            self.observed.is_free(name);
            return None;
        }
        Some(self.observed.saw(name, look.sign, look.at))
    }

    async fn renew_lease(&self, grant: &Grant, term: Duration) -> Result<bool, EtcdError> {
        let call = self.call_within_a_third("renew a lease", term);
        if self.is_over(call, &grant.name).await? {
            return Ok(false);
        }
        let keys = self.keys(&grant.name);
        let sign = millis(term).to_string().into_bytes();
        let renew = message::transaction(
            &held(&keys, grant),
            &[message::put(&keys.alive, &sign)],
            &[],
        );
        let renewed = self.gateway.transact(call, &renew).await?;
        if renewed.succeeded {
            let revision = renewed.header.revision;
            self.observed
                .saw(&grant.name, Sign { revision, term }, revision);
        }
        Ok(renewed.succeeded)
    }

    /// No patience: where etcd is away, the term ends by itself, and a stop is not to wait for it.
    async fn give_lease_back(&self, grant: &Grant) -> Result<bool, EtcdError> {
        let call = self.gateway.call("give back a lease").impatient();
        if self.is_over(call, &grant.name).await? {
            return Ok(false);
        }
        let keys = self.keys(&grant.name);
        let remove = [message::delete(&keys.holder), message::delete(&keys.alive)];
        let give = message::transaction(&held(&keys, grant), &remove, &[]);
        let given = self.gateway.transact(call, &give).await?;
        if given.succeeded {
            self.observed.is_free(&grant.name);
        }
        Ok(given.succeeded)
    }

    /// Who holds the lease, and whose term is not over by what this process has seen: of a holder that is gone it takes a term to see that. No
    /// patience: it is only shown, and asked for again.
    ///
    /// A sign of life is noted. That the lease is free is not, nor that the sign was removed: for one who waits since an earlier look, the
    /// watch is to begin there.
    async fn leader_of(&self, name: &str) -> Result<Option<Grant>, EtcdError> {
        let call = self.gateway.call("ask who has a lease").impatient();
        let keys = self.keys(name);
        let both = [message::get(&keys.holder), message::get(&keys.alive)];
        let read = message::transaction(&[], &both, &[]);
        let read = self.gateway.transact(call, &read).await?;
        let look = Look::of(&read, Duration::ZERO);
        let Some(holder) = &look.holder else {
            return Ok(None);
        };
        let is_over = look.sign.revision != 0
            && self.observed.saw(name, look.sign, look.at) <= Instant::now();
        Ok((!is_over).then(|| granted(name, holder, look.token)))
    }

    /// Whether the term of the lease is over, by a fresh look where it was by the last one: another process may have renewed it.
    async fn is_over(&self, call: Call, name: &str) -> Result<bool, EtcdError> {
        if !self.observed.is_over(name) {
            return Ok(false);
        }
        let keys = self.keys(name);
        let both = [message::get(&keys.holder), message::get(&keys.alive)];
        self.look(call, name, &both, Duration::ZERO).await?;
        Ok(self.observed.is_over(name))
    }

    /// There must be time for two more before the term is over, if that is long enough for etcd to answer at all.
    fn call_within_a_third(&self, what: &'static str, term: Duration) -> Call {
        let third = (term / 3).max(SHORTEST_CALL);
        Call::new(what, self.gateway.settings.timeout.min(third))
    }
}

/// That the lease is held by this grant.
fn held(keys: &LeaseKeys, grant: &Grant) -> [serde_json::Value; 2] {
    [
        message::is_of_revision(&keys.holder, token(grant)),
        message::is(&keys.holder, grant.holder.as_bytes()),
    ]
}

fn granted(name: &str, holder: &str, revision: i64) -> Grant {
    Grant::new(name, holder, revision.unsigned_abs())
}

/// etcd's revisions are signed, and never negative.
pub(crate) fn token(grant: &Grant) -> i64 {
    i64::try_from(grant.token).unwrap_or(i64::MAX)
}

/// A sign of life begins with the term in milliseconds, rounded up.
fn millis(term: Duration) -> u64 {
    u64::try_from(term.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

pub(crate) fn term_of(sign: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(sign).ok()?;
    let millis = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_read_as_it_was_written_and_never_shorter() {
        for (term, read) in [(1_u64, 1_u64), (1_000, 1), (1_001, 2), (30_000_000, 30_000)] {
            let written = millis(Duration::from_micros(term)).to_string();
            assert_eq!(
                term_of(written.as_bytes()),
                Some(Duration::from_millis(read))
            );
        }
        assert_eq!(term_of(b"1500 00ff"), Some(Duration::from_millis(1500)));
        assert_eq!(term_of(b"nonsense"), None);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
