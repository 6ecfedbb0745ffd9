//! The guide: what is too long for the item it is about.
//!
//! - [What code is generated](generated) by the macros.
//! - [Troubleshooting](troubleshooting): every message, with its cause and its cure.

#[doc = include_str!("../docs/generated.md")]
pub mod generated {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}
