//! The vendor's API in memory, which remembers when it was called, and may be down. And a database in memory.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use lifecycle::async_trait;
use serde_json::{Value, json};
use signoz::domain::{
    cloud::{Cloud, CloudError},
    store::Store,
};
use tokio::time::Instant;

pub(crate) struct Recorded {
    since: Instant,
    calls: Mutex<Vec<(u64, String, Value)>>,
    down: AtomicBool,
}

impl Recorded {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            calls: Mutex::default(),
            down: AtomicBool::new(false),
        })
    }

    pub(crate) fn is_down(&self, down: bool) {
        self.down.store(down, Relaxed);
    }

    /// The calls of this path: the second, and the body.
    pub(crate) fn calls(&self, path: &str) -> Vec<(u64, Value)> {
        let calls = self.calls.lock().unwrap();
        let of_path = calls.iter().filter(|(_, called, _)| called == path);
        of_path.map(|(at, _, body)| (*at, body.clone())).collect()
    }

    pub(crate) fn times(&self, path: &str) -> Vec<u64> {
        self.calls(path).into_iter().map(|(at, _)| at).collect()
    }
}

#[async_trait]
impl Cloud for Recorded {
    async fn call(&self, path: &str, body: Value) -> Result<Value, CloudError> {
        let at = self.since.elapsed().as_secs();
        self.calls.lock().unwrap().push((at, path.to_owned(), body));
        if self.down.load(Relaxed) {
            return Err(CloudError::Refused("503".into()));
        }
        Ok(json!({ "plan": "enterprise" }))
    }
}

pub(crate) fn empty_store() -> Arc<Store> {
    Arc::new(Store::open(Path::new(":memory:")).unwrap())
}

pub(crate) async fn store() -> Arc<Store> {
    let store = empty_store();
    store.migrate().await.unwrap();
    store
}
