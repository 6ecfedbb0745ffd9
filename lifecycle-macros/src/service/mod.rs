//! `#[service(..)]`: the arguments and the struct go in; the struct comes out as it was, and the
//! impls that tie it to its shape.

mod args;
mod count;
mod cron;
mod expand;
mod fallback;
mod item;
mod members;
mod model;
mod options;
mod path;
mod queue;
mod reading;
mod retry;
mod schedule;
mod startup;
#[cfg(test)]
mod tests;
mod word;

use proc_macro2::TokenStream;

use crate::diag::Errors;

use self::args::Args;
pub(crate) use self::args::SHAPES;
use self::item::Item;
use self::model::Model;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let args = Args::parse(args);
    let item = Item::parse(item);
    let mut errors = Errors::default();
    let model = Model::new(&args, &item, &mut errors);
    match (model, errors.finish().as_slice()) {
        (Some(model), []) => expand::expand(&item, &model),
        (_, errors) => fallback::expand(&args, &item, errors),
    }
}
