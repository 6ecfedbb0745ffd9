use std::{collections::HashMap, mem, sync::Arc};

use lifecycle::{BoxError, Result, async_trait};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Service, batcher::Batcher, rule_task::RuleTask};
use crate::domain::rules::{Rule, Rules};

type Task = (Arc<RuleTask>, JoinHandle<Result>);

pub struct Ruler {
    rules: Arc<Rules>,
    alerts: Arc<Batcher>,
    tasks: Mutex<HashMap<String, Task>>,
    stop: CancellationToken,
    loaded: CancellationToken,
}

impl Ruler {
    pub fn new(rules: Arc<Rules>, alerts: Arc<Batcher>) -> Self {
        Self {
            rules,
            alerts,
            tasks: Mutex::default(),
            stop: CancellationToken::new(),
            loaded: CancellationToken::new(),
        }
    }

    pub async fn save(&self, rule: Rule) -> Result {
        let mut tasks = self.tasks.lock().await;
        self.rules.save(&rule).await?;
        if let Some(task) = tasks.remove(&rule.name) {
            stop_task(task).await?;
        }
        self.run(&mut tasks, rule)
    }

    pub async fn delete(&self, name: &str) -> Result {
        let mut tasks = self.tasks.lock().await;
        self.rules.delete(name).await?;
        match tasks.remove(name) {
            Some(task) => stop_task(task).await,
            None => Ok(()),
        }
    }

    fn run(&self, tasks: &mut HashMap<String, Task>, rule: Rule) -> Result {
        if self.stop.is_cancelled() {
            return Err("the ruler is stopping".into());
        }
        let name = rule.name.clone();
        let task = RuleTask::new(rule, self.rules.clone(), self.alerts.clone());
        let task = Arc::new(task);
        let starting = task.clone();
        let running = tokio::spawn(async move { starting.start().await });
        tasks.insert(name, (task, running));
        Ok(())
    }
}

async fn stop_task((task, running): Task) -> Result {
    let stopped = task.stop().await;
    running.await??;
    stopped
}

#[async_trait]
impl Service for Ruler {
    async fn start(&self) -> Result {
        for rule in self.rules.list().await? {
            self.run(&mut *self.tasks.lock().await, rule)?;
        }
        self.loaded.cancel();
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        let tasks = mem::take(&mut *self.tasks.lock().await);
        let mut first: Option<BoxError> = None;
        for task in tasks.into_values() {
            if let Err(error) = stop_task(task).await {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    }

    async fn healthy(&self) {
        self.loaded.cancelled().await;
    }
}
