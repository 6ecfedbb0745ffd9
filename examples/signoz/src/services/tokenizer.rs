//! `tokenizer`: the decorator around the one that the configuration chooses. It counts calls, and forwards its life.

use std::sync::Arc;

use lifecycle::{Context, Result, Service, async_trait};

use crate::domain::{
    telemetry::Telemetry,
    tokens::{TokenError, Tokens},
};

/// To be called through one `Arc`, started and stopped through another.
pub trait Tokenizer: Service + Tokens {}

pub struct Counted {
    pub inner: Arc<dyn Tokenizer>,
    pub telemetry: Arc<Telemetry>,
}

#[async_trait]
impl Service for Counted {
    async fn start(&self, cx: &Context) -> Result {
        self.inner.start(cx).await
    }

    async fn stop(&self, cx: &Context) -> Result {
        self.inner.stop(cx).await
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
