//! Why the service can't start.

use std::error::Error;
use std::{fmt, io};

/// Why [`Ops`](crate::Ops) can't start. Its `Debug` is the sentence of its `Display`, and what the system says.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum OpsError {
    /// The address is wrong, taken, or not this machine's.
    #[error("can't listen on `{address}`")]
    #[non_exhaustive]
    Bind {
        /// The address as it was given.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Other machines could reach the states and errors of the application, and nothing says that they may.
    #[error(
        "`{0}` can be reached from other machines: name the host that they use with `.host(..)`"
    )]
    Exposed(String),
    /// Whoever reaches the address could stop the application.
    #[error("`{0}` can be reached from other machines: `.control()` needs a `.token(..)` there")]
    Unguarded(String),
    /// No client could send it, or everybody could.
    #[error("the token must be one or more visible ASCII characters")]
    Token,
}

impl fmt::Debug for OpsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        self.source()
            .map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_prints_a_sentence() {
        let error = OpsError::Bind {
            address: "127.0.0.1:80".to_owned(),
            source: io::Error::other("taken"),
        };
        assert_eq!(
            format!("{error:?}"),
            "can't listen on `127.0.0.1:80`: taken"
        );
        assert_eq!(error.to_string(), "can't listen on `127.0.0.1:80`");
        assert_eq!(
            format!("{:?}", OpsError::Token),
            OpsError::Token.to_string()
        );
    }
}
