//! Random tokens. The database holds only their hashes, so reading it gives nobody a token.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lifecycle::{Context, Result, Scheduled, async_trait, service};
use sha2::{Digest, Sha256};
use tracing::{debug, info};

use super::{Issued, Observed, TokenError, Tokenizer, observations::Observations, random};
use crate::{
    clock::Timestamp,
    settings::Settings,
    store::{Patience, Session, Store},
    users::Verified,
};

/// Between ticks the last observations live in memory: a request costs no write. The interval is read again after a reload.
#[service(scheduled(interval = self.settings.gc_interval()))]
pub struct OpaqueTokenizer {
    lifetime: Duration,
    settings: Arc<Settings>,
    store: Arc<Store>,
    observations: Observations,
}

impl OpaqueTokenizer {
    pub fn new(lifetime: Duration, settings: Arc<Settings>, store: Arc<Store>) -> Self {
        Self {
            lifetime,
            settings,
            store,
            observations: Observations::default(),
        }
    }

    async fn collect(&self, patience: Patience) -> Result {
        let pending = self.observations.pending();
        let expired = self.store.collect(pending.clone(), patience).await?;
        self.observations.written(&pending);
        if !pending.is_empty() || expired > 0 {
            info!(observations = pending.len(), expired, "collected");
        } else {
            debug!("nothing to collect");
        }
        Ok(())
    }

    async fn find(&self, token: &str) -> Result<Session, TokenError> {
        self.store
            .live_session(&id(token))
            .await?
            .ok_or(TokenError::Invalid)
    }
}

impl Scheduled for OpaqueTokenizer {
    async fn startup(&self, _: &Context) -> Result {
        self.observations.open();
        Ok(())
    }

    async fn tick(&self, _: &Context) -> Result {
        self.collect(Patience::Brief).await
    }

    async fn drain(&self, cx: &Context) -> Result {
        // The api has stopped, but a connection it gave up on may still be there: it gets an error, not a promise.
        self.observations.close();
        self.collect(Patience::Until(cx.deadline())).await
    }
}

#[async_trait]
impl Tokenizer for OpaqueTokenizer {
    async fn issue(&self, user: Verified) -> Result<Issued, TokenError> {
        let token = BASE64_URL_SAFE_NO_PAD.encode(random()?);
        let issued_at = Timestamp::now();
        let expires_at = issued_at.after(self.lifetime);
        let session = Session {
            id: id(&token),
            user: user.name,
            issued_at,
            expires_at,
            observed_at: None,
        };
        if !self.store.add_session(session, user.password_hash).await? {
            return Err(TokenError::PasswordChanged);
        }
        Ok(Issued { token, expires_at })
    }

    async fn observe(&self, token: &str) -> Result<Observed, TokenError> {
        let session = self.find(token).await?;
        let observed_at = Timestamp::now();
        self.observations.record(&session.id, observed_at)?;
        Ok(Observed {
            user: session.user,
            observed_at,
        })
    }

    async fn revoke(&self, token: &str) -> Result<(), TokenError> {
        let session = self.find(token).await?;
        Ok(self.store.revoke_session(&session.id).await?)
    }

    async fn sessions(&self, user: &str) -> Result<Vec<Session>, TokenError> {
        let mut sessions = self.store.live_sessions(user).await?;
        for session in &mut sessions {
            // `None` is less than any time.
            session.observed_at = session
                .observed_at
                .max(self.observations.latest(&session.id));
        }
        Ok(sessions)
    }
}

/// What the database knows a token by. A plain hash will do: no dictionary holds 256 random bits.
fn id(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}
