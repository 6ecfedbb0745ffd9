//! `ruler`: the rules, each with a task. Tasks end with their group, so there is nothing to stop here.

use std::sync::Arc;

use lifecycle::{Context, Entry, Group, Idle, Intake, OnFailure, Result, service};
use tokio::sync::Mutex;

use super::rule_task::RuleTask;
use crate::domain::{
    alerts::Alert,
    rules::{Rule, Rules},
};

#[service(idle)]
pub struct Ruler {
    pub rules: Arc<Rules>,
    pub tasks: Group<String>,
    pub alerts: Intake<Alert>,
    /// One at a time: the task of a rule is that of its row.
    pub edits: Mutex<()>,
}

impl Ruler {
    /// Adds a rule, or replaces the one of this name.
    pub async fn save(&self, rule: Rule) -> Result {
        let _edit = self.edits.lock().await;
        self.rules.save(&rule).await?;
        self.run(rule).await
    }

    pub async fn delete(&self, name: &str) -> Result {
        let _edit = self.edits.lock().await;
        self.rules.delete(name).await?;
        Ok(self.tasks.remove(name).await.into_result()?)
    }

    /// In place of the task that the rule had, which has outlived a restart of this service.
    async fn run(&self, rule: Rule) -> Result {
        self.tasks.remove(&rule.name).await.into_result()?;
        let (rules, alerts) = (self.rules.clone(), self.alerts.clone());
        let name = rule.name.clone();
        let task = Entry::new(RuleTask {
            rule,
            rules,
            alerts,
        });
        Ok(self
            .tasks
            .add(name, task.on_failure(OnFailure::Ignore))
            .await?)
    }
}

impl Idle for Ruler {
    async fn startup(&self, _: &Context) -> Result {
        for rule in self.rules.list().await? {
            self.run(rule).await?;
        }
        Ok(())
    }
}
