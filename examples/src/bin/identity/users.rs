//! `user`: checks names and passwords. Before the first log-in it makes sure that the root user of the configuration exists,
//! and that the root user of an earlier configuration can't log in any more.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use lifecycle::{Context, Idle, Result, service};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    config,
    password::{PasswordError, Passwords, Place},
    store::{Store, StoreError},
};

#[service(idle)]
pub struct Users {
    root: config::Root,
    login: config::Login,
    /// Started in `startup`.
    passwords: OnceLock<Passwords>,
    store: Arc<Store>,
}

/// A user who has just shown to know the password.
pub struct Verified {
    pub name: String,
    pub password_hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl Users {
    pub fn new(config: &config::Config, store: Arc<Store>) -> Self {
        Self {
            root: config.root.clone(),
            login: config.login.clone(),
            passwords: OnceLock::new(),
            store,
        }
    }

    /// The user, if there is one of this name and this is the password.
    pub async fn verify(
        &self,
        name: String,
        password: String,
    ) -> Result<Option<Verified>, UserError> {
        // Before the database is asked: a request that is too much costs it nothing.
        let place = self.place()?;
        let hash = self.store.password_hash(&name).await?;
        if !place.matches(password, hash.clone()).await? {
            return Ok(None);
        }
        Ok(hash.map(|password_hash| Verified {
            name,
            password_hash,
        }))
    }

    /// Whether log-ins that wait are to be looked at, or refused: strangers must not make a stop long.
    pub fn set_open(&self, open: bool) {
        if let Some(passwords) = self.passwords.get() {
            passwords.set_open(open);
        }
    }

    fn place(&self) -> Result<Place, PasswordError> {
        self.passwords.get().ok_or(PasswordError::Busy)?.place()
    }

    /// Makes the database agree with the configuration.
    async fn reconcile_root(&self) -> Result<(), UserError> {
        let config::Root { name, password } = &self.root;
        let place = self.place()?;
        loop {
            let seen = self.store.password_hash(name).await?;
            let new = if place.matches(password.clone(), seen.clone()).await? {
                None
            } else {
                Some(place.hash(password.clone()).await?)
            };
            let changed = new.is_some();
            // Another instance that starts at the same moment may have been faster: then its hash will do.
            if self.store.put_root(name, seen, new).await? {
                if changed {
                    info!(user = name, "root user reconciled");
                }
                break;
            }
        }
        for former in self.store.dismiss_roots_but(name).await? {
            warn!(
                user = former,
                root = name,
                "no longer root: its password and its tokens are good for nothing now"
            );
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
        let passwords = Passwords::start(&self.login)?;
        self.passwords.get_or_init(|| passwords);
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
