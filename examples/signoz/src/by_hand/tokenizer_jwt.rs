use lifecycle::{Result, async_trait};
use tokio_util::sync::CancellationToken;

use super::{Service, tokenizer::Tokenizer};
use crate::domain::tokens::{JwtTokens, TokenError, Tokens};

pub struct JwtTokenizer {
    tokens: JwtTokens,
    stop: CancellationToken,
}

impl JwtTokenizer {
    pub fn new(tokens: JwtTokens) -> Self {
        Self {
            tokens,
            stop: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for JwtTokenizer {
    async fn start(&self) -> Result {
        self.stop.cancelled().await;
        Ok(())
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        Ok(())
    }
}

impl Tokenizer for JwtTokenizer {}

#[async_trait]
impl Tokens for JwtTokenizer {
    async fn issue(&self, user: &str) -> Result<String, TokenError> {
        self.tokens.issue(user).await
    }

    async fn observe(&self, token: &str) -> Result<String, TokenError> {
        self.tokens.observe(token).await
    }
}
