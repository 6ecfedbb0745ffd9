//! Who may do what: roles from a model, and who has which.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use super::{
    lock,
    store::{Store, StoreError},
};

pub struct Authz {
    store: Arc<Store>,
    model: String,
    loaded: Mutex<Option<Loaded>>,
}

struct Loaded {
    /// What each role may do.
    roles: BTreeMap<String, BTreeSet<String>>,
    /// The role of each user.
    users: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum AuthzError {
    #[error("the line `{0}` of the model is not `role: action action ..`")]
    Model(String),
    #[error("the model is not loaded")]
    Closed,
    #[error("there is no role `{0}`")]
    NoRole(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authz {
    pub fn new(store: Arc<Store>, model: &str) -> Self {
        Self {
            store,
            model: model.to_owned(),
            loaded: Mutex::default(),
        }
    }

    /// Reads the model, and the roles that the database knows.
    pub async fn load(&self) -> Result<(), AuthzError> {
        let mut roles = BTreeMap::new();
        for line in self.model.lines().filter(|line| !line.trim().is_empty()) {
            let (role, actions) = line
                .split_once(':')
                .ok_or_else(|| AuthzError::Model(line.to_owned()))?;
            let actions = actions.split_whitespace().map(str::to_owned).collect();
            roles.insert(role.trim().to_owned(), actions);
        }
        let users = self.store.call(|db| {
            let mut all = db.prepare("SELECT name, role FROM user")?;
            all.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        });
        let users = users.await?;
        *lock(&self.loaded) = Some(Loaded { roles, users });
        Ok(())
    }

    pub fn grant(&self, user: &str, role: &str) -> Result<(), AuthzError> {
        let mut loaded = lock(&self.loaded);
        let loaded = loaded.as_mut().ok_or(AuthzError::Closed)?;
        if !loaded.roles.contains_key(role) {
            return Err(AuthzError::NoRole(role.to_owned()));
        }
        loaded.users.insert(user.to_owned(), role.to_owned());
        Ok(())
    }

    pub fn may(&self, user: &str, action: &str) -> Result<bool, AuthzError> {
        let loaded = lock(&self.loaded);
        let loaded = loaded.as_ref().ok_or(AuthzError::Closed)?;
        let role = loaded.users.get(user);
        let actions = role.and_then(|role| loaded.roles.get(role));
        Ok(actions.is_some_and(|actions| actions.contains(action)))
    }

    pub fn close(&self) {
        *lock(&self.loaded) = None;
    }
}
