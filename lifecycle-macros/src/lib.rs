//! The macros of the `lifecycle` crate. Use them through it: `lifecycle::service`, `lifecycle::registry!`.

/// Shared with the runtime, so that both tell the same mistakes in the same words.
mod rules {
    pub(crate) mod duration;
    pub(crate) mod graph;
    mod name;
    pub(crate) mod suggest;
}
