//! Alerts, and a receiver of them for each organization.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    cloud::{Cloud, CloudError},
    lock,
    store::{Store, StoreError},
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Alert {
    pub organization: String,
    pub rule: String,
    pub value: i64,
}

/// Notifies one organization, of each rule once for as long as its value stays the same, a restart included.
pub struct Receiver {
    organization: String,
    path: String,
    store: Arc<Store>,
    cloud: Arc<dyn Cloud>,
    told: Mutex<BTreeMap<String, i64>>,
}

#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("not notified: {0}")]
    Cloud(#[from] CloudError),
    #[error("the snapshot is damaged: {0}")]
    Snapshot(#[from] serde_json::Error),
}

impl Receiver {
    pub async fn load(&self) -> Result<(), AlertError> {
        let organization = self.organization.clone();
        let find = "SELECT snapshot FROM organization WHERE id = ?1";
        let find = self.store.call(move |db| {
            let found = db.query_row(find, [organization], |row| row.get::<_, Option<String>>(0));
            found.optional()
        });
        if let Some(snapshot) = find.await?.flatten() {
            *lock(&self.told) = serde_json::from_str(&snapshot)?;
        }
        Ok(())
    }

    pub async fn snapshot(&self) -> Result<(), AlertError> {
        let snapshot = serde_json::to_string(&*lock(&self.told))?;
        let organization = self.organization.clone();
        let write = "UPDATE organization SET snapshot = ?2 WHERE id = ?1";
        let write = self
            .store
            .call(move |db| db.execute(write, (organization, snapshot)));
        write.await?;
        Ok(())
    }

    async fn put(&self, alert: &Alert) -> Result<(), AlertError> {
        if lock(&self.told).get(&alert.rule) != Some(&alert.value) {
            self.cloud.call(&self.path, json!(alert)).await?;
            lock(&self.told).insert(alert.rule.clone(), alert.value);
        }
        Ok(())
    }
}

/// The receivers of all organizations that have a server.
pub struct Receivers {
    store: Arc<Store>,
    cloud: Arc<dyn Cloud>,
    all: Mutex<BTreeMap<String, Arc<Receiver>>>,
}

/// What has to be done so that each organization has the server that it asks for.
#[derive(Default)]
pub struct Changes {
    pub gone: Vec<String>,
    pub new: Vec<(String, Arc<Receiver>)>,
}

impl Receivers {
    pub fn new(store: Arc<Store>, cloud: Arc<dyn Cloud>) -> Self {
        Self {
            store,
            cloud,
            all: Mutex::default(),
        }
    }

    /// What the database asks for, beside what there is. One whose settings have changed is gone and new.
    pub async fn changes(&self) -> Result<Changes, StoreError> {
        let wanted = self.store.call(|db| {
            let mut all = db.prepare("SELECT id, receiver FROM organization")?;
            all.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        });
        let mut wanted: BTreeMap<String, String> = wanted.await?;
        let mut changes = Changes::default();
        for (organization, receiver) in &*lock(&self.all) {
            if wanted.get(organization) == Some(&receiver.path) {
                wanted.remove(organization);
            } else {
                changes.gone.push(organization.clone());
            }
        }
        let new = wanted.into_iter().map(|(organization, path)| {
            let receiver = Receiver {
                organization: organization.clone(),
                path,
                store: self.store.clone(),
                cloud: self.cloud.clone(),
                told: Mutex::default(),
            };
            (organization, Arc::new(receiver))
        });
        changes.new = new.collect();
        Ok(changes)
    }

    pub fn insert(&self, organization: &str, receiver: Arc<Receiver>) {
        lock(&self.all).insert(organization.to_owned(), receiver);
    }

    pub fn remove(&self, organization: &str) {
        lock(&self.all).remove(organization);
    }

    /// Hands each alert to its organization. Those of organizations without a server are nobody's.
    pub async fn deliver(&self, alerts: &[Alert]) -> Result<(), AlertError> {
        for alert in alerts {
            let receiver = lock(&self.all).get(&alert.organization).cloned();
            if let Some(receiver) = receiver {
                receiver.put(alert).await?;
            }
        }
        Ok(())
    }
}
