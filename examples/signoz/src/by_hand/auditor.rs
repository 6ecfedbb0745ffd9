use std::{sync::Arc, time::Duration};

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    sync::{Mutex, mpsc},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Service;
use crate::domain::audit::{AuditEvent, AuditFile};

pub struct Auditor {
    size: usize,
    interval: Duration,
    file: Arc<AuditFile>,
    events: mpsc::Sender<AuditEvent>,
    queue: Mutex<mpsc::Receiver<AuditEvent>>,
    stop: CancellationToken,
    opened: CancellationToken,
    done: CancellationToken,
}

impl Auditor {
    pub fn new(capacity: usize, size: usize, interval: Duration, file: Arc<AuditFile>) -> Self {
        let (events, queue) = mpsc::channel(capacity);
        Self {
            size,
            interval,
            file,
            events,
            queue: Mutex::new(queue),
            stop: CancellationToken::new(),
            opened: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    pub fn events(&self) -> mpsc::Sender<AuditEvent> {
        self.events.clone()
    }

    async fn flush(&self, batch: &mut Vec<AuditEvent>) {
        for wait in [100, 200, 0].map(Duration::from_millis) {
            match timeout(Duration::from_secs(10), self.file.write(batch)).await {
                Ok(Ok(())) => return batch.clear(),
                Ok(Err(error)) => warn!(%error, "a batch was not written"),
                Err(_) => warn!("a batch was not written in time"),
            }
            sleep(wait).await;
        }
        error!(lost = batch.len(), "a batch is lost");
        batch.clear();
    }

    async fn fill(&self, queue: &mut mpsc::Receiver<AuditEvent>, batch: &mut Vec<AuditEvent>) {
        if queue.recv_many(batch, 1).await == 0 {
            return;
        }
        let end = sleep(self.interval);
        tokio::pin!(end);
        while batch.len() < self.size {
            let room = self.size - batch.len();
            select! {
                () = &mut end => return,
                count = queue.recv_many(batch, room) => if count == 0 { return },
            }
        }
    }
}

#[async_trait]
impl Service for Auditor {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        self.file.open().await?;
        self.opened.cancel();
        let mut queue = self.queue.lock().await;
        let mut batch = Vec::new();
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.fill(&mut queue, &mut batch) => {}
            }
            self.flush(&mut batch).await;
        }
        queue.close();
        while queue.recv_many(&mut batch, self.size).await > 0 {
            self.flush(&mut batch).await;
        }
        self.flush(&mut batch).await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(self.file.close().await?)
    }

    async fn healthy(&self) {
        self.opened.cancelled().await;
    }
}
