//! Users, who sign in with a key.

use std::sync::Arc;

use rusqlite::OptionalExtension as _;

use super::{
    authz::{Authz, AuthzError},
    store::{Store, StoreError},
    tokens::hash,
};

pub struct Users {
    store: Arc<Store>,
    authz: Arc<Authz>,
    root: (String, String),
}

#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("root is not there: {0}")]
    Store(#[from] StoreError),
    #[error("root has no role: {0}")]
    Authz(#[from] AuthzError),
}

impl Users {
    pub fn new(store: Arc<Store>, authz: Arc<Authz>, name: &str, key: &str) -> Self {
        Self {
            store,
            authz,
            root: (name.to_owned(), hash(key)),
        }
    }

    /// Makes the root user what the configuration says.
    pub async fn reconcile_root(&self) -> Result<(), UserError> {
        let root = self.root.clone();
        let write = "INSERT INTO user VALUES (?1, 'admin', ?2)
             ON CONFLICT DO UPDATE SET role = 'admin', key_hash = excluded.key_hash";
        let write = self.store.call(move |db| db.execute(write, root));
        write.await?;
        Ok(self.authz.grant(&self.root.0, "admin")?)
    }

    /// Whose key it is.
    pub async fn sign_in(&self, key: &str) -> Result<Option<String>, StoreError> {
        let key = hash(key);
        let find = "SELECT name FROM user WHERE key_hash = ?1";
        self.store
            .call(move |db| db.query_row(find, [key], |row| row.get(0)).optional())
            .await
    }
}
