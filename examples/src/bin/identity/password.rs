//! Passwords: what is stored is a salted Argon2id hash, in the text form other programs read too.
//!
//! Both functions take tens of milliseconds of one core on purpose, so they run where blocking is allowed.

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::task::{JoinError, spawn_blocking};

/// The hash of a password nobody has.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$dGhlIGhhc2ggb2YgYSBwYXNzd29yZCBub2JvZHkgaGE";

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("can't hash the password: {0}")]
    Hash(#[from] password_hash::Error),
    #[error("hashing the password panicked: {0}")]
    Panicked(#[from] JoinError),
}

pub async fn hash(password: String) -> Result<String, PasswordError> {
    let hash =
        spawn_blocking(move || Argon2::default().hash_password(password.as_bytes())).await??;
    Ok(hash.to_string())
}

/// Whether the password has this hash. Without one, for a user that doesn't exist, the answer takes as long: the time
/// tells nobody which names are taken.
pub async fn matches(password: String, hash: Option<String>) -> Result<bool, PasswordError> {
    let matches = move || {
        let hash = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY));
        hash.is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    };
    Ok(spawn_blocking(matches).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_matches_its_hash() {
        let stored = hash("secret".into()).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(
            matches("secret".into(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(!matches("Secret".into(), Some(stored)).await.unwrap());
        assert!(!matches("secret".into(), None).await.unwrap());
    }

    #[test]
    fn checking_nobody_is_as_much_work() {
        let params =
            |hash: &PasswordHash| (hash.params.to_string(), hash.hash.map(|hash| hash.len()));
        let somebody = Argon2::default().hash_password(b"secret").unwrap();
        assert_eq!(
            params(&PasswordHash::new(NOBODY).unwrap()),
            params(&somebody)
        );
    }
}
