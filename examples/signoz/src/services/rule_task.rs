//! The task of one rule: a member of the group `rules`. It begins at a multiple of its frequency by the wall clock, and goes on
//! after a panic: what is wrong with one evaluation may be right in the next.

use std::sync::Arc;

use lifecycle::{Context, Intake, Result, Scheduled, service};

use crate::domain::{
    alerts::Alert,
    rules::{Rule, Rules},
};

#[service(scheduled(interval = self.rule.frequency(), initial_delay = self.rule.until_slot(), on_panic = continue))]
pub struct RuleTask {
    pub rule: Rule,
    pub rules: Arc<Rules>,
    pub alerts: Intake<Alert>,
}

impl Scheduled for RuleTask {
    async fn tick(&self, _: &Context) -> Result {
        if let Some(alert) = self.rules.evaluate(&self.rule).await? {
            self.alerts.send(alert).await?;
        }
        Ok(())
    }
}
