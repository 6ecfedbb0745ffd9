//! `user`: makes the root user what the configuration says, and tries until that is done.

use std::sync::Arc;

use lifecycle::{Context, Idle, Result, service};

use crate::domain::users::Users;

#[service(idle, startup(retry = "10s..10s"))]
pub struct User(pub Arc<Users>);

impl Idle for User {
    async fn startup(&self, _: &Context) -> Result {
        Ok(self.0.reconcile_root().await?)
    }
}
