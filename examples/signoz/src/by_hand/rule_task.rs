use std::sync::Arc;

use lifecycle::{Result, async_trait};
use tokio::{
    select, spawn,
    sync::watch,
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Service, batcher::Batcher};
use crate::domain::rules::{Rule, Rules};

pub struct RuleTask {
    rule: Rule,
    rules: Arc<Rules>,
    alerts: Arc<Batcher>,
    paused: watch::Sender<bool>,
    stop: CancellationToken,
    done: CancellationToken,
}

impl RuleTask {
    pub fn new(rule: Rule, rules: Arc<Rules>, alerts: Arc<Batcher>) -> Self {
        Self {
            rule,
            rules,
            alerts,
            paused: watch::Sender::new(false),
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }

    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    async fn evaluate(&self) -> Result {
        let (rule, rules) = (self.rule.clone(), self.rules.clone());
        // A task of its own, as it may panic.
        let evaluated = spawn(async move { rules.evaluate(&rule).await });
        if let Some(alert) = evaluated.await?? {
            self.alerts.send(alert);
        }
        Ok(())
    }
}

#[async_trait]
impl Service for RuleTask {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let mut paused = self.paused.subscribe();
        let begin = Instant::now() + self.rule.until_slot();
        let mut ticker = interval_at(begin, self.rule.frequency());
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = paused.wait_for(|paused| !paused) => {}
            }
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = paused.wait_for(|paused| *paused) => continue,
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.evaluate().await {
                error!(%error, rule = self.rule.name, "not evaluated");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
        Ok(())
    }
}
