//! The macros of the `lifecycle` crate. Use them through it: `lifecycle::service`, `lifecycle::registry!`.
