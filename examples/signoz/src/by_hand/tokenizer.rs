use std::sync::Arc;

use lifecycle::{Result, async_trait};

use super::Service;
use crate::domain::{
    telemetry::Telemetry,
    tokens::{TokenError, Tokens},
};

pub trait Tokenizer: Service + Tokens {}

pub struct Counted {
    pub inner: Arc<dyn Tokenizer>,
    pub telemetry: Arc<Telemetry>,
}

#[async_trait]
impl Service for Counted {
    async fn start(&self) -> Result {
        self.inner.start().await
    }

    async fn stop(&self) -> Result {
        self.inner.stop().await
    }

    async fn healthy(&self) {
        self.inner.healthy().await;
    }
}

impl Tokenizer for Counted {}

#[async_trait]
impl Tokens for Counted {
    async fn issue(&self, user: &str) -> Result<String, TokenError> {
        self.telemetry.count("tokenizer.issue");
        self.inner.issue(user).await
    }

    async fn observe(&self, token: &str) -> Result<String, TokenError> {
        self.telemetry.count("tokenizer.observe");
        self.inner.observe(token).await
    }
}
