//! The rules of the `lifecycle` crate: what a registry may look like, and how names, durations, cron
//! expressions and time zones are written.
//!
//! Plain data goes in, and problems come out, each with a sentence and with what to write instead.
//! `registry!` and `#[service(..)]` check these rules while they expand and the builder while it
//! builds, so that a problem has the same words at compile time and at run time.
//!
//! **No part of the public interface**: anything in here changes without notice.

pub mod cron;
pub mod duration;
pub mod graph;
pub mod limits;
pub mod name;
pub mod restart;
pub mod suggest;
pub mod zone;
