//! JSON Web Tokens: signed, so that checking one takes no database.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use lifecycle::{Context, Idle, Result, async_trait, service};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use super::{Issued, Observed, TokenError, Tokenizer, random};
use crate::{
    clock::Timestamp,
    config,
    store::{Session, Store, StoreError},
};

/// The only algorithm there is: what a token's header asks for is not listened to.
const ALGORITHM: Algorithm = Algorithm::HS256;

/// Writes through to the database, so it has nothing to do while it runs. It doesn't remember when a token was last seen.
#[service(idle)]
pub struct JwtTokenizer {
    cfg: config::Jwt,
    store: Arc<Store>,
    keys: OnceLock<Keys>,
    /// Tokens that were logged out, until they would have expired anyway.
    revoked: RwLock<HashMap<String, Timestamp>>,
}

struct Keys {
    sign: EncodingKey,
    check: DecodingKey,
}

#[derive(Deserialize, Serialize)]
struct Claims {
    jti: String,
    sub: String,
    iat: u64,
    exp: u64,
}

impl JwtTokenizer {
    pub fn new(cfg: config::Jwt, store: Arc<Store>) -> Self {
        Self {
            cfg,
            store,
            keys: OnceLock::new(),
            revoked: RwLock::default(),
        }
    }

    fn keys(&self) -> Result<&Keys, TokenError> {
        // Made in `startup`, from what the database holds: without it there is no key.
        self.keys
            .get()
            .ok_or(TokenError::Store(StoreError::NotOpen))
    }

    async fn check(&self, token: &str) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(ALGORITHM);
        validation.leeway = 0;
        // A token is no good any more *at* its expiry, which is when the database forgets it.
        validation.reject_tokens_expiring_in_less_than = 1;
        let token = decode::<Claims>(token, &self.keys()?.check, &validation);
        let claims = token.map_err(|_| TokenError::Invalid)?.claims;
        if self.revoked.read().await.contains_key(&claims.jti) {
            return Err(TokenError::Invalid);
        }
        Ok(claims)
    }
}

impl Idle for JwtTokenizer {
    async fn startup(&self, _: &Context) -> Result {
        let secret = self.store.secret("jwt", random()?).await?;
        self.keys.get_or_init(|| Keys {
            sign: EncodingKey::from_secret(&secret),
            check: DecodingKey::from_secret(&secret),
        });
        *self.revoked.write().await = self.store.revoked_sessions().await?.into_iter().collect();
        Ok(())
    }

    /// Leaves no row of a token that has expired.
    async fn drain(&self, _: &Context) -> Result {
        self.store.collect(Vec::new()).await?;
        Ok(())
    }
}

#[async_trait]
impl Tokenizer for JwtTokenizer {
    async fn issue(&self, user: &str) -> Result<Issued, TokenError> {
        let issued_at = Timestamp::now();
        let claims = Claims {
            jti: BASE64_URL_SAFE_NO_PAD.encode(random()?),
            sub: user.to_owned(),
            iat: issued_at.seconds(),
            exp: issued_at.after(self.cfg.lifetime).seconds(),
        };
        let token = encode(&Header::new(ALGORITHM), &claims, &self.keys()?.sign)
            .map_err(TokenError::Sign)?;
        let expires_at = Timestamp::from_seconds(claims.exp);
        let session = Session {
            id: claims.jti,
            user: claims.sub,
            issued_at,
            expires_at,
            observed_at: None,
        };
        self.store.add_session(session).await?;
        Ok(Issued { token, expires_at })
    }

    async fn observe(&self, token: &str) -> Result<Observed, TokenError> {
        let claims = self.check(token).await?;
        Ok(Observed {
            user: claims.sub,
            observed_at: Timestamp::now(),
        })
    }

    async fn revoke(&self, token: &str) -> Result<(), TokenError> {
        let claims = self.check(token).await?;
        self.store.revoke_session(&claims.jti).await?;
        let mut revoked = self.revoked.write().await;
        let now = Timestamp::now();
        revoked.retain(|_, expires_at| *expires_at > now);
        revoked.insert(claims.jti, Timestamp::from_seconds(claims.exp));
        Ok(())
    }

    async fn sessions(&self, user: &str) -> Result<Vec<Session>, TokenError> {
        Ok(self.store.live_sessions(user).await?)
    }
}
