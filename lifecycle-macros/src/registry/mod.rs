//! `registry!`: settings and entries go in; a block that assembles a `Registry` comes out.
//!
//! Names and dependencies are checked here. If a `cfg` may remove an entry, a derive checks them:
//! it sees the entries that are left.

mod args;
mod check;
mod expand;
mod model;
mod name;
mod policy;
mod setting;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::bounds;
use crate::errors::Errors;

use self::args::Args;
use self::model::Model;

pub(crate) use self::check::check;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let args = match bounds::check(&input).and_then(|()| Args::parse(input)) {
        Ok(args) => args,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let model = Model::new(args, &mut errors);
    expand::expand(&model, &errors.finish())
}
