//! Rules: when there are more than so many events of a name, an organization is alerted.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::{
    alerts::Alert,
    now,
    store::{Store, StoreError},
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rule {
    pub name: String,
    pub organization: String,
    pub event: String,
    pub threshold: i64,
    pub frequency_ms: u32,
}

impl Rule {
    /// Never zero, which would be a task that fails at its start.
    pub fn frequency(&self) -> Duration {
        Duration::from_millis(u64::from(self.frequency_ms.max(1)))
    }

    /// How long it is until the wall clock is at a multiple of the frequency: every replica evaluates at the same times.
    pub fn until_slot(&self) -> Duration {
        let frequency = self.frequency().as_nanos();
        let past = now().as_nanos() % frequency;
        Duration::from_nanos(u64::try_from(frequency - past).unwrap_or(0))
    }
}

pub struct Rules {
    store: Arc<Store>,
}

impl Rules {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    pub async fn list(&self) -> Result<Vec<Rule>, StoreError> {
        self.store
            .call(|db| {
                let mut all = db.prepare("SELECT * FROM rule")?;
                all.query_map((), read)?.collect()
            })
            .await
    }

    pub async fn save(&self, rule: &Rule) -> Result<(), StoreError> {
        let rule = rule.clone();
        self.store.call(move |db| write(db, &rule)).await
    }

    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let delete = "DELETE FROM rule WHERE name = ?1";
        let delete = self.store.call(move |db| db.execute(delete, [name]));
        delete.await.map(drop)
    }

    /// The alert, if there is a reason for one.
    pub async fn evaluate(&self, rule: &Rule) -> Result<Option<Alert>, StoreError> {
        let window = rule.frequency().max(Duration::from_secs(60));
        let value = self.store.events(rule.event.clone(), window).await?;
        Ok((value > rule.threshold).then(|| Alert {
            organization: rule.organization.clone(),
            rule: rule.name.clone(),
            value,
        }))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Rule> {
    Ok(Rule {
        name: row.get("name")?,
        organization: row.get("organization")?,
        event: row.get("event")?,
        threshold: row.get("threshold")?,
        frequency_ms: row.get("frequency_ms")?,
    })
}

fn write(db: &Connection, rule: &Rule) -> rusqlite::Result<()> {
    let values = (
        &rule.name,
        &rule.organization,
        &rule.event,
        rule.threshold,
        rule.frequency_ms,
    );
    db.execute("REPLACE INTO rule VALUES (?1, ?2, ?3, ?4, ?5)", values)?;
    Ok(())
}
