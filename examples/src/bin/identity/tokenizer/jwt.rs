//! JSON Web Tokens: signed, so that one that is forged or expired never reaches the database. One that is good does: only
//! there is it known whether it was logged out, perhaps at another instance, or ended with a password.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use lifecycle::{Context, Idle, Result, async_trait, service};
use serde::{Deserialize, Serialize};

use super::{Issued, Observed, TokenError, Tokenizer, random};
use crate::{
    clock::Timestamp,
    config,
    store::{Patience, Session, Store, StoreError},
    users::Verified,
};

/// The only algorithm there is: what a token's header asks for is not listened to.
const ALGORITHM: Algorithm = Algorithm::HS256;

/// Writes through to the database, so it has nothing to do while it runs. It doesn't remember when a token was last seen.
#[service(idle)]
pub struct JwtTokenizer {
    cfg: config::Jwt,
    store: Arc<Store>,
    keys: OnceLock<Keys>,
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
        }
    }

    fn keys(&self) -> Result<&Keys, TokenError> {
        // Made in `startup`, from what the database holds: without it there is no key.
        self.keys
            .get()
            .ok_or(TokenError::Store(StoreError::NotOpen))
    }

    async fn find(&self, token: &str) -> Result<Session, TokenError> {
        let mut validation = Validation::new(ALGORITHM);
        validation.leeway = 0;
        // A token is no good any more *at* its expiry, which is when the database forgets it.
        validation.reject_tokens_expiring_in_less_than = 1;
        let token = decode::<Claims>(token, &self.keys()?.check, &validation);
        let claims = token.map_err(|_| TokenError::Invalid)?.claims;
        self.store
            .live_session(&claims.jti)
            .await?
            .ok_or(TokenError::Invalid)
    }
}

impl Idle for JwtTokenizer {
    async fn startup(&self, _: &Context) -> Result {
        let secret = self.store.secret("jwt", random()?).await?;
        self.keys.get_or_init(|| Keys {
            sign: EncodingKey::from_secret(&secret),
            check: DecodingKey::from_secret(&secret),
        });
        Ok(())
    }

    /// Leaves no row of a token that has expired.
    async fn drain(&self, cx: &Context) -> Result {
        let patience = Patience::Until(cx.deadline());
        self.store.collect(Vec::new(), patience).await?;
        Ok(())
    }
}

#[async_trait]
impl Tokenizer for JwtTokenizer {
    async fn issue(&self, user: Verified) -> Result<Issued, TokenError> {
        let issued_at = Timestamp::now();
        let claims = Claims {
            jti: BASE64_URL_SAFE_NO_PAD.encode(random()?),
            sub: user.name,
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
        if !self.store.add_session(session, user.password_hash).await? {
            return Err(TokenError::PasswordChanged);
        }
        Ok(Issued { token, expires_at })
    }

    async fn observe(&self, token: &str) -> Result<Observed, TokenError> {
        let session = self.find(token).await?;
        Ok(Observed {
            user: session.user,
            observed_at: Timestamp::now(),
        })
    }

    async fn revoke(&self, token: &str) -> Result<(), TokenError> {
        let session = self.find(token).await?;
        Ok(self.store.revoke_session(&session.id).await?)
    }

    async fn sessions(&self, user: &str) -> Result<Vec<Session>, TokenError> {
        Ok(self.store.live_sessions(user).await?)
    }
}
