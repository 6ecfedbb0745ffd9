//! The rules a registry obeys, as plain data in and problems out, with the words that tell them.
//!
//! `registry!` checks them while it expands and the builder when it builds. The macro crate
//! compiles these very files (its `src/rules` is a link to this folder), so both say the same.
//! `duration` is for literals, which only it sees.

#[cfg(feature = "cron")]
pub(crate) mod cron;
pub(crate) mod graph;
pub(crate) mod limits;
mod name;
mod suggest;
