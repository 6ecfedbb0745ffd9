//! What users do, told to the vendor in batches.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    cloud::{Cloud, CloudError},
    lock,
};

pub struct Analytics {
    cloud: Arc<dyn Cloud>,
    events: Mutex<Vec<Value>>,
}

impl Analytics {
    /// What is tracked on top of this is not kept, between two batches and for a vendor that does not answer.
    const MOST: usize = 1000;

    pub fn new(cloud: Arc<dyn Cloud>) -> Self {
        Self {
            cloud,
            events: Mutex::default(),
        }
    }

    pub fn track(&self, event: &str, properties: &Value) {
        let mut events = lock(&self.events);
        if events.len() < Self::MOST {
            events.push(json!({ "event": event, "properties": properties }));
        }
    }

    /// Sends what there is. What could not be sent is kept for the next time.
    pub async fn flush(&self) -> Result<(), CloudError> {
        let events = mem::take(&mut *lock(&self.events));
        if events.is_empty() {
            return Ok(());
        }
        let sent = self.cloud.call("/analytics", json!(events)).await;
        if sent.is_err() {
            lock(&self.events).splice(..0, events);
        }
        sent.map(drop)
    }
}
