//! Why the service can't start.

use std::io;

/// Why [`Ops`](crate::Ops) can't start.
#[derive(Debug, thiserror::Error)]
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
