//! Tokens go in; arguments come out as they are written.

mod argument;
pub(crate) mod signs;

pub(crate) use self::argument::*;
