use std::time::Duration;

use lifecycle::{Result, async_trait};
use tokio::{
    select,
    time::{Instant, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Service, tokenizer::Tokenizer};
use crate::domain::tokens::{OpaqueTokens, TokenError, Tokens};

pub struct OpaqueTokenizer {
    gc_interval: Duration,
    tokens: OpaqueTokens,
    stop: CancellationToken,
    done: CancellationToken,
}

impl OpaqueTokenizer {
    pub fn new(gc_interval: Duration, tokens: OpaqueTokens) -> Self {
        Self {
            gc_interval,
            tokens,
            stop: CancellationToken::new(),
            done: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Service for OpaqueTokenizer {
    async fn start(&self) -> Result {
        let _done = self.done.clone().drop_guard();
        let mut ticker = interval_at(Instant::now() + self.gc_interval, self.gc_interval);
        loop {
            select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = ticker.tick() => {}
            }
            if let Err(error) = self.tokens.collect().await {
                error!(%error, "not collected");
            }
        }
    }

    async fn stop(&self) -> Result {
        self.stop.cancel();
        self.done.cancelled().await;
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
