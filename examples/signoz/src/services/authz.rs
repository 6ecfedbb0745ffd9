//! `authz`: loads its model, answers, and answers no more.

use std::sync::Arc;

use lifecycle::{Context, Idle, Result, service};

use crate::domain::authz::Authz as Engine;

#[service(idle)]
pub struct Authz(pub Arc<Engine>);

impl Idle for Authz {
    async fn startup(&self, _: &Context) -> Result {
        Ok(self.0.load().await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        self.0.close();
        Ok(())
    }
}
