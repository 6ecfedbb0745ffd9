use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::Service;
use crate::domain::usage::Usage as Uploads;

/// Once a day at this time after midnight in UTC. Expressions and time zones are a library of their own.
pub struct Usage {
    at: Duration,
    uploads: Arc<Uploads>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl Usage {
    pub fn new(at: Duration, uploads: Arc<Uploads>) -> Self {
        Self {
            at,
            uploads,
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    fn wait(&self) -> Result<Duration> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let today = Duration::from_secs(now.as_secs() % DAY.as_secs());
        Ok(match self.at.checked_sub(today) {
            Some(wait) if !wait.is_zero() => wait,
            _ => (DAY + self.at).saturating_sub(today),
        })
    }

    async fn upload(&self) {
        match timeout(Duration::from_secs(60), self.uploads.upload()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => error!(%error, "not uploaded"),
            Err(_) => error!("not uploaded in time"),
        }
    }
}

#[async_trait]
impl Service for Usage {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        loop {
            self.upload().await;
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                () = sleep(self.wait()?) => {}
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(self.uploads.upload().await?)
    }
}
