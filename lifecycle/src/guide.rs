//! The guide: what is too long for the item it is about.
//!
//! - [What code is generated](generated) by the macros.
//! - [Troubleshooting](troubleshooting): every message, with its cause and its cure.
//!
//! If something should have been said and was not: the log is told through `tracing`, and without a
//! subscriber it is lost: even a tick that always fails is silent. The first line of `main`, with
//! the crate `tracing-subscriber`:
//!
//! ```ignore
//! tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//! ```

#[doc = include_str!("../docs/generated.md")]
pub mod generated {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}
