//! A value as it is typed goes in; what it means comes out, or the problem in it.

pub(crate) mod choice;
mod code;
pub(crate) mod count;
pub(crate) mod crate_path;
mod crontab;
pub(crate) mod duration;
pub(crate) mod fields;
mod notation;
pub(crate) mod option;
mod path;
pub(crate) mod quantity;
pub(crate) mod range;
mod text;
mod zone;
