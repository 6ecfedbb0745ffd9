//! `tokenizer`, `"opaque"`: writes now and then when each token was last seen, and the rest at the end.

use std::time::Duration;

use lifecycle::{Context, Result, Scheduled, async_trait, service};

use super::tokenizer::Tokenizer;
use crate::domain::tokens::{OpaqueTokens, TokenError, Tokens};

#[service(scheduled(interval = "gc_interval"))]
pub struct OpaqueTokenizer {
    pub gc_interval: Duration,
    pub tokens: OpaqueTokens,
}

impl Scheduled for OpaqueTokenizer {
    async fn tick(&self, _: &Context) -> Result {
        Ok(self.tokens.collect().await?)
    }

    async fn drain(&self, _: &Context) -> Result {
        Ok(self.tokens.collect().await?)
    }
}

impl Tokenizer for OpaqueTokenizer {}

#[async_trait]
impl Tokens for OpaqueTokenizer {
    async fn issue(&self, user: &str) -> Result<String, TokenError> {
        self.tokens.issue(user).await
    }

    async fn observe(&self, token: &str) -> Result<String, TokenError> {
        self.tokens.observe(token).await
    }
}
