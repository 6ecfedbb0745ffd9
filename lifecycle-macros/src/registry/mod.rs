//! `registry!`: settings and entries go in; a block comes out that assembles them into a
//! `Registry`.
//!
//! Names and dependencies are checked here, or, where `cfg` may remove an entry, by a derive: it
//! sees what is left.

mod args;
mod check;
mod expand;
mod model;
mod name;
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
