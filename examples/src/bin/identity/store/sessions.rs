//! What the database knows of sessions: one row a token.

use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;

use super::{Patience, Store, StoreError};
use crate::clock::Timestamp;

#[derive(Clone, Debug, Serialize)]
pub struct Session {
    pub id: String,
    pub user: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// When a request last came with this token, for tokenizers that remember it.
    pub observed_at: Option<Timestamp>,
}

impl Session {
    const COLUMNS: &str = "id, user, issued_at, expires_at, observed_at";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            user: row.get(1)?,
            issued_at: row.get(2)?,
            expires_at: row.get(3)?,
            observed_at: row.get(4)?,
        })
    }
}

impl Store {
    /// Adds a session of a user who proved to know the password with this hash. False if that is no longer the user's
    /// password: a log-in that was under way while it changed must not give a token. True once the row is on the disk.
    pub async fn add_session(
        &self,
        session: Session,
        password_hash: String,
    ) -> Result<bool, StoreError> {
        self.call(move |db| {
            let add = "INSERT INTO session (id, user, issued_at, expires_at)
                       SELECT ?1, name, ?3, ?4 FROM user WHERE name = ?2 AND password_hash = ?5";
            let added = db.execute(
                add,
                params![
                    session.id,
                    session.user,
                    session.issued_at,
                    session.expires_at,
                    password_hash
                ],
            )?;
            Ok(added == 1)
        })
        .await
    }

    /// The session of this id, unless it has expired or was revoked.
    pub async fn live_session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let id = id.to_owned();
        self.call(move |db| {
            let find = format!(
                "SELECT {} FROM session WHERE id = ?1 AND revoked_at IS NULL AND expires_at > ?2",
                Session::COLUMNS
            );
            db.prepare(&find)?
                .query_row(params![id, Timestamp::now()], Session::from_row)
                .optional()
        })
        .await
    }

    /// The live sessions of a user, newest first, a thousand at most.
    pub async fn live_sessions(&self, user: &str) -> Result<Vec<Session>, StoreError> {
        let user = user.to_owned();
        self.call(move |db| {
            let list = format!(
                "SELECT {} FROM session WHERE user = ?1 AND revoked_at IS NULL AND expires_at > ?2
                 ORDER BY issued_at DESC, id LIMIT 1000",
                Session::COLUMNS
            );
            db.prepare(&list)?
                .query_map(params![user, Timestamp::now()], Session::from_row)?
                .collect()
        })
        .await
    }

    pub async fn revoke_session(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.call(move |db| {
            let revoke = "UPDATE session SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
            db.execute(revoke, params![id, Timestamp::now()]).map(drop)
        })
        .await
    }

    /// Writes down when tokens were last seen and deletes what has expired, all or nothing; returns how many expired.
    pub async fn collect(
        &self,
        observed: Vec<(String, Timestamp)>,
        patience: Patience,
    ) -> Result<usize, StoreError> {
        self.call_with(patience, move |db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let observe =
                "UPDATE session SET observed_at = max(ifnull(observed_at, 0), ?2) WHERE id = ?1";
            let mut observe = transaction.prepare(observe)?;
            for (id, at) in observed {
                observe.execute(params![id, at])?;
            }
            drop(observe);
            let expired = transaction.execute(
                "DELETE FROM session WHERE expires_at <= ?1",
                [Timestamp::now()],
            )?;
            transaction.commit()?;
            Ok(expired)
        })
        .await
    }
}
