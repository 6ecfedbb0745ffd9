//! `tokenizer`, `"jwt"`: nothing to do while it runs, and nothing to flush.

use lifecycle::{Idle, Result, async_trait, service};

use super::tokenizer::Tokenizer;
use crate::domain::tokens::{JwtTokens, TokenError, Tokens};

#[service(idle)]
pub struct JwtTokenizer(pub JwtTokens);

impl Idle for JwtTokenizer {}

impl Tokenizer for JwtTokenizer {}

#[async_trait]
impl Tokens for JwtTokenizer {
    async fn issue(&self, user: &str) -> Result<String, TokenError> {
        self.0.issue(user).await
    }

    async fn observe(&self, token: &str) -> Result<String, TokenError> {
        self.0.observe(token).await
    }
}
