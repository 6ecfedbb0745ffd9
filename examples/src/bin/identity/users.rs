//! `user`: knows who may log in. Before anybody can, it makes sure that the root user of the configuration exists.

use std::{sync::Arc, time::Duration};

use lifecycle::{Context, Idle, Result, service};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    config,
    password::{self, PasswordError},
    store::{Store, StoreError},
};

#[service(idle)]
pub struct Users {
    root: config::Root,
    store: Arc<Store>,
}

#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl Users {
    pub fn new(root: config::Root, store: Arc<Store>) -> Self {
        Self { root, store }
    }

    /// Whether there is such a user and this is their password.
    pub async fn verify(&self, name: &str, password: String) -> Result<bool, UserError> {
        let hash = self.store.password_hash(name).await?;
        Ok(password::matches(password, hash).await?)
    }

    /// Makes the database agree with the configuration.
    async fn reconcile_root(&self) -> Result<(), UserError> {
        let config::Root { name, password } = &self.root;
        if !self.verify(name, password.clone()).await? {
            let hash = password::hash(password.clone()).await?;
            self.store.put_user(name, hash).await?;
            info!(user = name, "root user reconciled");
        }
        Ok(())
    }
}

impl Idle for Users {
    /// Tries until the database answers. A stop interrupts it: a startup in flight is dropped.
    async fn startup(&self, _: &Context) -> Result {
        if self.root == config::Root::default() {
            warn!(
                "the root password is the one everybody knows: set `root.password` or IDENTITY_ROOT_PASSWORD"
            );
        }
        loop {
            match self.reconcile_root().await {
                Err(UserError::Store(error)) if error.is_busy() => {
                    warn!(%error, "the database is busy, trying again");
                }
                other => return Ok(other?),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}
