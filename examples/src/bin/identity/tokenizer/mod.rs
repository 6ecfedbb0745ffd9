//! `tokenizer`: issues tokens and says whose they are. The configuration chooses the implementation; the rest of the
//! program sees an `Arc<dyn Tokenizer>`, to call and to register.

mod jwt;
mod observations;
mod opaque;

use std::sync::Arc;

use lifecycle::{Service, async_trait};
use serde::Serialize;

use self::{jwt::JwtTokenizer, observations::Closed, opaque::OpaqueTokenizer};
use crate::{
    clock::Timestamp,
    config::{Config, Kind},
    settings::Settings,
    store::{Session, Store, StoreError},
    users::Verified,
};

/// What a tokenizer does for its callers. That it is a service too is what lets the registry start and stop it.
#[async_trait]
pub trait Tokenizer: Service {
    /// A new token for the user. It is in the database when this returns, and ends at the latest with the user's password.
    async fn issue(&self, user: Verified) -> Result<Issued, TokenError>;

    /// Whose token this is. Where last observations are kept, this one is as safe as the database when this returns.
    async fn observe(&self, token: &str) -> Result<Observed, TokenError>;

    /// Makes the token invalid, for good and at every instance on this database once this returns.
    async fn revoke(&self, token: &str) -> Result<(), TokenError>;

    /// The user's valid tokens, newest first.
    async fn sessions(&self, user: &str) -> Result<Vec<Session>, TokenError>;
}

#[derive(Debug, Serialize)]
pub struct Issued {
    pub token: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, Serialize)]
pub struct Observed {
    pub user: String,
    pub observed_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token is unknown, expired or revoked")]
    Invalid,
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    #[error(transparent)]
    Stopped(#[from] Closed),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("can't make a random value: {0}")]
    Random(#[from] getrandom::Error),
    #[error("can't sign the token: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// The tokenizer the configuration asks for.
pub fn choose(config: &Config, settings: Arc<Settings>, store: Arc<Store>) -> Arc<dyn Tokenizer> {
    match config.tokenizer {
        Kind::Opaque => {
            let lifetime = config.opaque.lifetime;
            Arc::new(OpaqueTokenizer::new(lifetime, settings, store))
        }
        Kind::Jwt => Arc::new(JwtTokenizer::new(config.jwt.clone(), store)),
    }
}

/// 256 bits nobody can guess.
fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
