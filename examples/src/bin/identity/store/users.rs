//! What the database knows of users.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Store, StoreError};
use crate::clock::Timestamp;

/// Of a user who can log in.
const HASH: &str = "SELECT password_hash FROM user WHERE name = ?1 AND password_hash <> ''";

impl Store {
    pub async fn password_hash(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.call(move |db| db.query_row(HASH, [name], |row| row.get(0)).optional())
            .await
    }

    /// Makes this user root, with this password unless it is the one the user has. The tokens of the old password end
    /// with it. False if another instance has changed the password since it was `seen`.
    pub async fn put_root(
        &self,
        name: &str,
        seen: Option<String>,
        new: Option<String>,
    ) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.call(move |db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let current: Option<String> = transaction
                .query_row(HASH, [&name], |row| row.get(0))
                .optional()?;
            if current != seen {
                return Ok(false);
            }
            if let Some(new) = new {
                let put = "INSERT INTO user (name, password_hash) VALUES (?1, ?2)
                           ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash";
                transaction.execute(put, params![name, new])?;
                revoke_all(&transaction, &name)?;
            }
            transaction.execute("UPDATE user SET root = 1 WHERE name = ?1", [&name])?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    /// Takes password and tokens from all who were root under another name; returns those names.
    pub async fn dismiss_roots_but(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let name = name.to_owned();
        self.call(move |db| {
            let list = "SELECT name FROM user WHERE root = 1 AND name <> ?1";
            let former: Vec<String> = db
                .prepare(list)?
                .query_map([&name], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            if former.is_empty() {
                return Ok(former);
            }
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for former in &former {
                let dismiss = "UPDATE user SET root = 0, password_hash = '' WHERE name = ?1";
                transaction.execute(dismiss, [former])?;
                revoke_all(&transaction, former)?;
            }
            transaction.commit()?;
            Ok(former)
        })
        .await
    }
}

fn revoke_all(transaction: &Transaction<'_>, user: &str) -> rusqlite::Result<()> {
    let revoke = "UPDATE session SET revoked_at = ?2 WHERE user = ?1 AND revoked_at IS NULL";
    transaction
        .execute(revoke, params![user, Timestamp::now()])
        .map(drop)
}
