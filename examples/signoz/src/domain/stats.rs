//! How much of everything there is.

use std::sync::Arc;

use serde_json::json;

use super::{
    analytics::Analytics,
    store::{Store, StoreError},
};

pub struct Stats {
    store: Arc<Store>,
    analytics: Arc<Analytics>,
}

impl Stats {
    pub fn new(store: Arc<Store>, analytics: Arc<Analytics>) -> Self {
        Self { store, analytics }
    }

    pub async fn report(&self) -> Result<(), StoreError> {
        let stats = json!({
            "users": self.store.count("user").await?,
            "events": self.store.count("event").await?,
            "rules": self.store.count("rule").await?,
        });
        self.analytics.track("stats", &stats);
        Ok(())
    }
}
