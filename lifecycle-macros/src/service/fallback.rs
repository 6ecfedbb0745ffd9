//! Problems go in; the item comes out with a stub in place of its impls, so that rustc reports the
//! problems and nothing that follows from them.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Error;

use crate::syntax::find_self;
use crate::value::crate_path::CratePath;
use crate::words::CRATE;

use super::args::Args;
use super::expand::{expand_block, expand_declared};
use super::item::{Item, Type};

pub(crate) fn expand(args: &Args, item: &Item, errors: &[Error]) -> TokenStream {
    let library = args.find(CRATE).map(CratePath::guess).unwrap_or_default();
    let stub = item.declared().map(|declared| {
        let declaration = expand_declared(declared, "BrokenShape", None);
        let values = expand_values(args, declared);
        expand_block(&library, declared, &quote!(#declaration #values))
    });
    let item = item.without_rivals();
    let errors = errors.iter().map(Error::to_compile_error);
    quote!(#item #stub #(#errors)*)
}

/// Puts the values that are typed so far into methods, where their `self` is the service: an editor
/// completes only what it finds in the expansion.
fn expand_values(args: &Args, declared: &Type) -> TokenStream {
    let Type {
        ident, generics, ..
    } = declared;
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let values = args.values().into_iter().filter_map(|value| {
        let this = find_self(value.to_token_stream())?;
        Some(quote_spanned! {Span::mixed_site()=>
            const _: () = {
                trait __Written {
                    fn value(&self);
                }
                impl #parameters __Written for #ident #arguments #bounds {
                    fn value(&#this) {
                        match (#value) {
                            _ => {}
                        }
                    }
                }
            };
        })
    });
    values.collect()
}
