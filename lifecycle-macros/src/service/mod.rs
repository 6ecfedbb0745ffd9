//! `#[service(..)]`: the arguments and the struct go in; the struct comes out unchanged, followed
//! by the impls that tie it to its shape.

mod args;
mod elsewhere;
mod expand;
mod fallback;
mod item;
mod members;
mod model;
mod oneshot;
mod options;
mod queue;
mod schedule;
mod startup;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use crate::bounds;
use crate::errors::Errors;

use self::args::Args;
use self::item::Item;
use self::model::Model;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    if let Err(error) = bounds::check(&item) {
        let error = error.to_compile_error();
        return quote!(#item #error);
    }
    let item = Item::parse(item);
    if let Err(error) = bounds::check(&args) {
        return fallback::expand(&Args::default(), &item, &[error]);
    }
    let args = Args::parse(args);
    let mut errors = Errors::default();
    let model = Model::new(&args, &item, &mut errors);
    match (model, errors.finish().as_slice()) {
        (Some(model), []) => expand::expand(&item, &model),
        (_, errors) => fallback::expand(&args, &item, errors),
    }
}
