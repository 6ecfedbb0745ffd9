mod any_input;
mod dependencies;
mod expansions;
mod problems;
mod restarts;

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;

/// As `registry!` calls it, with the path that `$crate` is.
fn expand_registry(input: &TokenStream) -> TokenStream {
    expand(quote!([::lifecycle] #input))
}
