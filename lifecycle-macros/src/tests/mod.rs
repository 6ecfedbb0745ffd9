//! Tests of whole macros: of any input they make Rust, or problems, and never a panic.

mod bounds;
pub(crate) mod expansion;
mod robustness;
