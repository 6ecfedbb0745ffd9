//! How much the customer has sent, for the bill: told each time from the last event that was told of.

use std::sync::Arc;

use serde_json::json;

use super::{
    cloud::{Cloud, CloudError},
    store::{Store, StoreError},
};

pub struct Meters {
    store: Arc<Store>,
    cloud: Arc<dyn Cloud>,
}

#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the report was not taken: {0}")]
    Cloud(#[from] CloudError),
}

impl Meters {
    pub fn new(store: Arc<Store>, cloud: Arc<dyn Cloud>) -> Self {
        Self { store, cloud }
    }

    pub async fn report(&self) -> Result<(), MeterError> {
        report(&self.store, &*self.cloud, "metered", "/meters").await
    }
}

/// Tells the cloud how many events came after the one that this setting names, and sets it once that was heard.
pub(super) async fn report(
    store: &Store,
    cloud: &dyn Cloud,
    setting: &'static str,
    path: &str,
) -> Result<(), MeterError> {
    let last = store.setting(setting).await?;
    let last: i64 = last.and_then(|last| last.parse().ok()).unwrap_or_default();
    let (newest, events): (i64, i64) = store
        .call(move |db| {
            let query = "SELECT coalesce(max(id), ?1), count(*) FROM event WHERE id > ?1";
            db.query_row(query, [last], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await?;
    cloud.call(path, json!({ "events": events })).await?;
    Ok(store.set(setting, newest.to_string()).await?)
}
