//! The macros of the `lifecycle` crate. Use them through it: `lifecycle::service`,
//! `lifecycle::registry!`.

mod bounds;
mod errors;
mod registry;
mod service;
mod syntax;
#[cfg(test)]
mod tests;
mod value;
mod words;

use proc_macro::TokenStream;

/// Gives a struct the shape of a service; see `lifecycle::service`.
#[proc_macro_attribute]
pub fn service(args: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(args.into(), item.into()).into()
}

/// Behind `lifecycle::registry!`, which puts the library's path in front of the user's tokens.
#[doc(hidden)]
#[proc_macro]
pub fn __registry(input: TokenStream) -> TokenStream {
    registry::expand(input.into()).into()
}

/// Behind `registry!`, for entries under a `#[cfg(..)]`.
#[doc(hidden)]
#[proc_macro_derive(RegistryCheck, attributes(entry))]
pub fn __registry_check(input: TokenStream) -> TokenStream {
    registry::check(input.into()).into()
}
