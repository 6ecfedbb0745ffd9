//! `analytics`: others track, and what was tracked is sent at the end.

use std::sync::Arc;

use lifecycle::{Context, Idle, Result, service};

use crate::domain::analytics::Analytics as Client;

#[service(idle)]
pub struct Analytics(pub Arc<Client>);

impl Idle for Analytics {
    async fn drain(&self, _: &Context) -> Result {
        Ok(self.0.flush().await?)
    }
}
