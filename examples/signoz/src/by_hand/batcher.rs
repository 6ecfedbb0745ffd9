use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lifecycle::{Result, async_trait};
use tokio::{select, sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Service;
use crate::domain::alerts::{Alert, Receivers};

pub struct Batcher {
    capacity: usize,
    size: usize,
    receivers: Arc<Receivers>,
    queue: Mutex<VecDeque<Alert>>,
    more: Notify,
    stop: CancellationToken,
    done: CancellationToken,
}

impl Batcher {
    pub fn new(capacity: usize, size: usize, receivers: Arc<Receivers>) -> Self {
        Self {
            capacity,
            size,
            receivers,
            queue: Mutex::default(),
            more: Notify::new(),
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    pub fn send(&self, alert: Alert) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() == self.capacity {
            queue.pop_front();
            warn!("the oldest alert was dropped");
        }
        queue.push_back(alert);
        self.more.notify_one();
    }

    fn batch(&self) -> Vec<Alert> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.len().min(self.size);
        queue.drain(..count).collect()
    }

    async fn flush(&self) -> bool {
        let batch = self.batch();
        if batch.is_empty() {
            return false;
        }
        for wait in [100, 200, 400, 800, 0].map(Duration::from_millis) {
            match self.receivers.deliver(&batch).await {
                Ok(()) => return true,
                Err(error) => warn!(%error, "alerts were not delivered"),
            }
            sleep(wait).await;
        }
        error!(lost = batch.len(), "alerts are lost");
        true
    }

    async fn full(&self) {
        loop {
            let len = {
                let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.len()
            };
            if len >= self.size {
                return;
            }
            self.more.notified().await;
        }
    }
}

#[async_trait]
impl Service for Batcher {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.full() => {}
                () = sleep(Duration::from_secs(1)) => {}
            }
            self.flush().await;
        }
        while self.flush().await {}
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(())
    }
}
