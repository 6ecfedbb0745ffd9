//! The value of `crate = ..` goes in; the path under which generated code finds the library comes
//! out.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Lit, Path, Result};

use crate::errors::problem_at;
use crate::syntax::{Form, NamedArgument, literal};

const EXAMPLE: &str = "crate = ::lifecycle";

/// The library's own name, unless the user says otherwise.
#[derive(Default)]
pub(crate) struct CratePath(Option<Path>);

impl CratePath {
    pub(crate) fn new(argument: &NamedArgument) -> Result<Self> {
        let value = argument.value(EXAMPLE)?;
        match (value, literal(value)) {
            (Expr::Path(path), _) if path.qself.is_none() => Ok(Self(Some(path.path.clone()))),
            (_, Some(Lit::Str(quoted))) => {
                let help = format_args!("write `crate = {}`", quoted.value());
                Err(problem_at(quoted, "the path of `crate` is in quotes", help))
            }
            _ => {
                let help = format_args!("write `{EXAMPLE}`");
                Err(problem_at(
                    value,
                    "the value of `crate` is not a path",
                    help,
                ))
            }
        }
    }

    /// The most likely path. The stubs that replace a broken service have to find the library too.
    pub(crate) fn guess(argument: &NamedArgument) -> Self {
        let quoted = match &argument.form {
            Form::Value(value) => value.leftover().and_then(literal),
            Form::Word | Form::List { .. } => None,
        };
        match quoted {
            Some(Lit::Str(quoted)) => Self(quoted.parse().ok()),
            _ => Self::new(argument).unwrap_or_default(),
        }
    }
}

impl CratePath {
    /// The span for the `use` of the path: with it rustc points at the path, and not at the whole
    /// attribute.
    pub(crate) fn span(&self) -> Span {
        let last = self.0.as_ref().and_then(|path| path.segments.last());
        last.map_or_else(Span::mixed_site, |last| {
            Span::mixed_site().located_at(last.ident.span())
        })
    }
}

impl ToTokens for CratePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => quote_spanned!(Span::mixed_site()=> ::lifecycle).to_tokens(tokens),
        }
    }
}
