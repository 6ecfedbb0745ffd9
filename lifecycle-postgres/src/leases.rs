//! Leases: one row for each, judged by the server's clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lifecycle::BoxError;
use lifecycle::{Grant, Leases, Memory};
use tokio::sync::oneshot;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::link::{Call, Link};
use crate::postgres::Postgres;
use crate::statements::{GIVE_BACK, KNOW_LEASE, LEADER, RENEW, TAKE};

/// However short a term is, a server may take so long to answer.
const SHORTEST_CALL: Duration = Duration::from_millis(500);
/// A hundred years, in microseconds: no server outlives it.
const LONGEST_TERM: i64 = 100 * 365 * 24 * 3600 * 1_000_000;

#[async_trait]
impl Leases for Postgres {
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
        let (link, name, holder) = (self.link.clone(), name.to_owned(), holder.to_owned());
        tokio::spawn(async move {
            let taken = link.take(&name, &holder, term).await;
            let grant = taken.as_ref().ok().cloned().flatten();
            let is_kept = answer.send(taken).is_ok() && kept.await.is_ok();
            if let Some(unwanted) = grant.filter(|_| !is_kept) {
                let _ = link.give_back(&unwanted).await;
            }
        });
        let taken = answered.await;
        let _ = keep.send(());
        match taken {
            Ok(taken) => taken.map_err(PostgresError::boxed),
            Err(_) => Err("the runtime is ending".into()),
        }
    }

    async fn renew(&self, grant: &Grant, term: Duration) -> Result<bool, BoxError> {
        let renewed = self.link.renew(grant, term).await;
        renewed.map_err(PostgresError::boxed)
    }

    async fn give_back(&self, grant: &Grant) -> Result<bool, BoxError> {
        let given = self.link.give_back(grant).await;
        given.map_err(PostgresError::boxed)
    }

    async fn leader(&self, name: &str) -> Result<Option<Grant>, BoxError> {
        let leader = self.link.leader(name).await;
        leader.map_err(PostgresError::boxed)
    }

    async fn freed(&self, name: &str) {
        self.link.freed.wait(name).await;
    }

    fn memory(self: Arc<Self>) -> Option<Arc<dyn Memory>> {
        Some(self)
    }
}

impl Link {
    async fn take(
        self: &Arc<Self>,
        name: &str,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Grant>, PostgresError> {
        let call = self.call_within_a_third("take a lease", term);
        let micros = micros(term);
        let parameters = [
            (&name as _, Type::TEXT),
            (&holder as _, Type::TEXT),
            (&micros as _, Type::INT8),
        ];
        loop {
            let rows = self.execute(call, TAKE, &parameters).await?;
            let Some(row) = rows.first() else {
                return Ok(None);
            };
            if let Some(token) = row.get::<_, Option<i64>>(0) {
                return Ok(Some(Grant::new(name, holder, token.unsigned_abs())));
            }
            if row.get::<_, bool>(2) {
                self.freed.refused(name, row.get(1));
                return Ok(None);
            }
            let name = [(&name as _, Type::TEXT)];
            self.execute(call, KNOW_LEASE, &name).await?;
        }
    }

    async fn renew(self: &Arc<Self>, grant: &Grant, term: Duration) -> Result<bool, PostgresError> {
        let call = self.call_within_a_third("renew a lease", term);
        let parameters = [
            (&grant.name as _, Type::TEXT),
            (&token(grant) as _, Type::INT8),
            (&grant.holder as _, Type::TEXT),
            (&micros(term) as _, Type::INT8),
        ];
        let rows = self.execute(call, RENEW, &parameters).await?;
        Ok(!rows.is_empty())
    }

    /// No patience: where the server is away, the term ends by itself, and a stop is not to wait for it.
    async fn give_back(self: &Arc<Self>, grant: &Grant) -> Result<bool, PostgresError> {
        let call = self.call("give back a lease").once();
        let parameters = [
            (&grant.name as _, Type::TEXT),
            (&token(grant) as _, Type::INT8),
            (&grant.holder as _, Type::TEXT),
        ];
        let rows = self.execute(call, GIVE_BACK, &parameters).await?;
        Ok(!rows.is_empty())
    }

    /// No patience: it is only shown, and asked for again.
    async fn leader(self: &Arc<Self>, name: &str) -> Result<Option<Grant>, PostgresError> {
        let call = self.call("ask who has a lease").once();
        let rows = self
            .execute(call, LEADER, &[(&name as _, Type::TEXT)])
            .await?;
        let grant = |row: &Row| {
            let token: i64 = row.get(0);
            Grant::new(name, row.get::<_, String>(1), token.unsigned_abs())
        };
        Ok(rows.first().map(grant))
    }

    pub(crate) fn call(&self, what: &'static str) -> Call {
        Call::new(what, self.settings.timeout)
    }

    /// There must be time for two more before the term is over, if that is long enough for a server to answer at all.
    fn call_within_a_third(&self, what: &'static str, term: Duration) -> Call {
        let third = (term / 3).max(SHORTEST_CALL);
        Call::new(what, self.settings.timeout.min(third))
    }
}

fn micros(term: Duration) -> i64 {
    i64::try_from(term.as_micros()).map_or(LONGEST_TERM, |micros| micros.min(LONGEST_TERM))
}

/// PostgreSQL has no unsigned numbers, and gives out none that does not fit.
pub(crate) fn token(grant: &Grant) -> i64 {
    i64::try_from(grant.token).unwrap_or(i64::MAX)
}
