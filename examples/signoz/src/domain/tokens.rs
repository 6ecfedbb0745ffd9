//! Tokens: who a request is from. Two kinds, behind one trait.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use lifecycle::async_trait;
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    lock, seconds,
    store::{Store, StoreError},
};

#[async_trait]
pub trait Tokens: Send + Sync {
    async fn issue(&self, user: &str) -> Result<String, TokenError>;

    /// Whose token it is.
    async fn observe(&self, token: &str) -> Result<String, TokenError>;
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token is unknown or expired")]
    Invalid,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("can't make a random value: {0}")]
    Random(#[from] getrandom::Error),
    #[error("can't sign the token: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// 256 bits nobody can guess.
pub fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What the database knows a secret by. A plain hash will do: no dictionary holds 256 random bits.
pub fn hash(secret: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// Signed tokens: nothing is kept, so nothing is to be flushed.
pub struct JwtTokens {
    lifetime: Duration,
    sign: EncodingKey,
    check: DecodingKey,
}

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    exp: i64,
}

impl JwtTokens {
    pub fn new(lifetime: Duration, secret: &str) -> Self {
        Self {
            lifetime,
            sign: EncodingKey::from_secret(secret.as_bytes()),
            check: DecodingKey::from_secret(secret.as_bytes()),
        }
    }
}

#[async_trait]
impl Tokens for JwtTokens {
    async fn issue(&self, user: &str) -> Result<String, TokenError> {
        let claims = Claims {
            sub: user.to_owned(),
            exp: seconds().saturating_add_unsigned(self.lifetime.as_secs()),
        };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?)
    }

    async fn observe(&self, token: &str) -> Result<String, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        let token = decode::<Claims>(token, &self.check, &validation);
        Ok(token.map_err(|_| TokenError::Invalid)?.claims.sub)
    }
}

/// Random tokens in the database. When each was last seen is in memory until [`collect`](Self::collect) writes it.
pub struct OpaqueTokens {
    lifetime: Duration,
    store: Arc<Store>,
    seen: Mutex<HashMap<String, i64>>,
}

impl OpaqueTokens {
    pub fn new(lifetime: Duration, store: Arc<Store>) -> Self {
        Self {
            lifetime,
            store,
            seen: Mutex::default(),
        }
    }

    /// Writes the last observations and deletes what has expired.
    pub async fn collect(&self) -> Result<(), TokenError> {
        let seen = mem::take(&mut *lock(&self.seen));
        let (now, written) = (seconds(), seen.clone());
        let done = self.store.call(move |db| {
            let all = db.transaction()?;
            for (id, at) in &written {
                let write =
                    "UPDATE token SET seen_at = max(?2, coalesce(seen_at, 0)) WHERE id = ?1";
                all.execute(write, (id, at))?;
            }
            all.execute("DELETE FROM token WHERE expires_at <= ?1", [now])?;
            all.commit()
        });
        let done = done.await;
        if done.is_err() {
            let mut again = lock(&self.seen);
            for (id, at) in seen {
                again.entry(id).or_insert(at);
            }
        }
        Ok(done?)
    }
}

#[async_trait]
impl Tokens for OpaqueTokens {
    async fn issue(&self, user: &str) -> Result<String, TokenError> {
        let token = random()?;
        let (id, user) = (hash(&token), user.to_owned());
        let expires_at = seconds().saturating_add_unsigned(self.lifetime.as_secs());
        let add = "INSERT INTO token (id, user, expires_at) VALUES (?1, ?2, ?3)";
        let add = self
            .store
            .call(move |db| db.execute(add, (id, user, expires_at)));
        add.await?;
        Ok(token)
    }

    async fn observe(&self, token: &str) -> Result<String, TokenError> {
        let (id, now) = (hash(token), seconds());
        let find = "SELECT user FROM token WHERE id = ?1 AND expires_at > ?2";
        let key = id.clone();
        let find = self.store.call(move |db| {
            let found = db.query_row(find, (key, now), |row| row.get(0));
            found.optional()
        });
        let user = find.await?.ok_or(TokenError::Invalid)?;
        lock(&self.seen).insert(id, now);
        Ok(user)
    }
}
