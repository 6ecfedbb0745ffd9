//! The macros of the `lifecycle` crate. Use them through it: `lifecycle::service`, `lifecycle::registry!`.

mod crate_path;
mod diag;
mod duration;
mod service;
mod written;

/// Shared with the runtime, so that both tell the same mistakes in the same words.
mod rules {
    pub(crate) mod duration;
    pub(crate) mod graph;
    mod name;
    pub(crate) mod suggest;
}

use proc_macro::TokenStream;

/// Gives a struct the shape of a service; see `lifecycle::service`.
#[proc_macro_attribute]
pub fn service(args: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(args.into(), item.into()).into()
}
